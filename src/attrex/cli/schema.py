"""``attrex schema infer|lint|diff|from-shopify``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attrex.cli import options as o
from attrex.cli.terminal import counted, say, show_json, show_line, telling, write_text
from attrex.io.place import check_place

if TYPE_CHECKING:
    from attrex.schema import Schema

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make, check and compare schemas.")

Out = Annotated[Path | None, typer.Option("--out", "-o", help="YAML file to write; else standard output.")]
File = Annotated[Path, typer.Argument(help="A schema.")]


@app.command("infer")
@o.reads_data
def infer(data: o.DataOptions, out: Out = None, as_json: o.Json = False) -> None:
    """Infer a schema from the filled cells."""
    reader = data.open()
    if out is not None:
        check_place(out, reader.source.path)
    from attrex.api.fitting import settle_schema

    with telling(reader):
        schema = settle_schema(None, reader, (row.product for row in reader))
    if as_json:
        from attrex.schema import schema_document

        show_json({"version": schema.version, **schema_document(schema)})
    if out is not None or not as_json:
        _give(schema, out)


@app.command("lint")
def lint(
    schema: File,
    data: Annotated[str | None, typer.Argument(help="Data the schema is meant for.")] = None,
    as_json: o.Json = False,
    format: o.Format = "auto",
    mapping: o.Mapping = None,
    on_error: o.OnBadRow = o.OnError.FAIL,
) -> None:
    """Say what is odd about a schema, alone or beside its data. Exits with 5 where there is a warning."""
    from attrex.schema import grouped, read_schema
    from attrex.schema import lint as check

    if data is None:
        findings = check(read_schema(schema))
    else:
        reader = o.DataOptions(data, format, mapping, on_error=on_error).open()
        with telling(reader):
            findings = check(read_schema(schema), (row.product for row in reader))
    if as_json:
        show_json([asdict(finding) for finding in findings])
    else:
        show_line("\n".join(grouped(findings)) or "nothing odd")
    if any(f.severity == "warning" for f in findings):
        raise typer.Exit(5)


@app.command("diff")
def diff(old: File, new: File) -> None:
    """Say what changed between two schemas. Exits with 5 where a change breaks what was extracted before."""
    from attrex.schema import diff as compare
    from attrex.schema import read_schema

    found = compare(read_schema(old), read_schema(new))
    show_line(str(found))
    if found.breaking:
        raise typer.Exit(5)


@app.command("from-shopify")
def from_shopify(
    categories: Annotated[list[str], typer.Argument(help="Names, paths or ids of categories.")],
    taxonomy: Annotated[Path, typer.Option("--taxonomy", help="Folder of the Shopify taxonomy.")],
    below: Annotated[bool, typer.Option("--below", help="And all categories beneath them.")] = False,
    out: Out = None,
) -> None:
    """Make a schema of chosen categories of Shopify's taxonomy."""
    from attrex.schema import from_shopify as convert

    _give(convert(taxonomy, categories, descendants=below), out)


def _give(schema: Schema, out: Path | None) -> None:
    from attrex.schema import dump_schema

    text = dump_schema(schema)
    if out is None:
        show_line(text.removesuffix("\n"))
        return
    write_text(out, text)
    categories = counted(len(schema.categories), "category", "categories")
    say(f"{out}: {counted(len(schema.every), 'attribute')}, {categories}")
