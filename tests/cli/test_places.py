"""Nothing that is read is written over, and a place for no file is told before the work."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from attrex.errors import OutputError
from attrex.io.place import check_place
from tests.cli.shell import Shell


@pytest.mark.parametrize(
    "command",
    [
        "evaluate {table} -m {model} --html {table}",
        "backtest {table} --html {table}",
        "schema infer {table} -o {table}",
        "data implicit {table} -o {table}",
        "data implicit {train} -o {table} --parts",
        "fill {table} -m {model} -o {table}",
        "inspect {table} --html {table}",
    ],
)
def test_the_input_is_not_written_over(
    shell: Shell, table: Path, model: Path, tmp_path: Path, command: str
) -> None:
    mine, train = tmp_path / "mine.csv", tmp_path / "mine.train.csv"
    mine.write_bytes(table.read_bytes())
    train.write_bytes(table.read_bytes())
    done = shell(*command.format(table=mine, train=train, model=model).split())
    assert done.code == 4
    read = train if "{train}" in command else mine
    assert done.err == f"attrex: {read}: this is the input itself. Fix: name another file\n"
    assert done.out == ""
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: table.read_bytes() for path in (mine, train)
    }


@pytest.mark.parametrize(
    "command",
    [
        "evaluate {table} -m {model} --html no/page.html",
        "backtest {table} --html no/page.html",
        "schema infer {table} -o no/page.html",
        "data implicit {table} -o no/page.html",
        "inspect {table} --html no/page.html",
    ],
)
def test_a_folder_that_is_not_there_is_told_before_the_work(
    shell: Shell, table: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = shell(*command.format(table=table, model=model).split())
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        "attrex: no/page.html: there is no folder no. Fix: name a file in a folder that exists\n"
    )


def test_a_pipe_is_no_file_to_be_spared(tmp_path: Path) -> None:
    (tmp_path / "page.html").touch()
    check_place(tmp_path / "page.html", None)
    with pytest.raises(OutputError, match=r"this is a folder\. Fix: name a file in a folder that exists"):
        check_place(tmp_path, None)


def test_an_ending_that_products_are_not_written_by_is_told_before_the_work(
    shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "ragged.csv").write_text("id,title\n1\n")  # which reading it would tell
    done = shell("data", "implicit", tmp_path / "ragged.csv", "-o", tmp_path / "o.xlsx")
    assert (done.code, done.err) == (
        4,
        f'attrex: {tmp_path / "o.xlsx"}: ".xlsx" is no ending that products are written by. '
        "Fix: use .jsonl, .csv, .tsv\n",
    )


def test_half_a_page_takes_no_room(
    shell: Shell, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.write_text

    def full(self: Path, text: str, **given: str) -> int:
        real(self, text[:10], **given)  # type: ignore[arg-type]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    done = shell("schema", "infer", table, "-o", tmp_path / "s.yaml")
    assert done.code == 4
    assert done.err.endswith(
        "s.yaml: cannot be written: No space left on device. Fix: choose another place\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--source a=title --source a=Colour", '--source: "a" is given twice, as "title" and as "Colour"'),
        ("--attribute X=title --attribute X=Y", '--attribute: "X" is given twice, as "title" and as "Y"'),
        ("--many Colour=; --many Colour=/", '--many: "Colour" is given twice, as ";" and as "/"'),
    ],
)
def test_one_name_for_two_columns_is_refused(
    shell: Shell, table: Path, model: Path, flags: str, message: str
) -> None:
    done = shell("fill", table, "-m", model, *flags.split())
    assert (done.code, done.err) == (2, f"attrex: {message}\n")


def test_an_attribute_that_no_product_states_is_told(shell: Shell, table: Path, tmp_path: Path) -> None:
    done = shell("data", "implicit", table, "-o", tmp_path / "o.csv", "--ask", "Taste")
    assert done.code == 2
    assert done.err == 'attrex: ask: no product states "Taste"; stated are Brand, Colour, Size\n'
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["fill", "evaluate"])
def test_a_column_that_is_not_read_as_the_model_s_attribute_is_said(
    shell: Shell, model: Path, tmp_path: Path, verb: str
) -> None:
    (tmp_path / "c.csv").write_text("id,title,colour,Brand\n1,red shirt,red,Acme\n")
    done = shell(verb, tmp_path / "c.csv", "-m", model)
    assert done.code == 0
    assert done.err.splitlines()[0] == (
        f'warning: {tmp_path / "c.csv"}, field "colour": the model has an attribute "Colour", but this '
        "column is not read as that (taken for another one). Fix: if they are the same, name all attribute "
        'columns, as in --attribute "Colour=colour", or in a mapping'
    )


def test_ctrl_c_while_the_command_line_is_imported_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stopping:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "attrex.cli":
                raise KeyboardInterrupt

    for name in [each for each in sys.modules if each.partition(".")[0] == "attrex" and ".cli" in each]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Stopping(), *sys.meta_path])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("attrex", run_name="__main__")
    assert end.value.code == 130
    assert capsys.readouterr().err == "attrex: stopped\n"
