"""Model folders on the Hugging Face hub; nothing here runs unless a hub is asked for."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from attrex.errors import ModelError

if TYPE_CHECKING:
    from attrex.api.extractor import Extractor

_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


def is_offline() -> bool:
    """Whether the user has forbidden the network by one of the usual variables."""
    return any(os.environ.get(name, "").casefold() in ("1", "true", "yes", "on") for name in _OFFLINE)


def local_folder(name: str | Path, *, local_files_only: bool = False) -> Path:
    """The folder itself, or the local copy of a hub's model, downloaded unless that is forbidden.

    What looks like a path ("model/", "./model", "a/b/c") or exists is never looked for on a hub.
    """
    path, text = Path(name), str(name)
    looks_like_a_name = (
        isinstance(name, str) and text.count("/") == 1 and not text.startswith((".", "~", "/"))
    )
    if path.exists() or not looks_like_a_name or text.endswith("/"):
        return path
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    only_local = local_files_only or is_offline()
    try:
        return Path(snapshot_download(text, local_files_only=only_local))
    except HFValidationError:
        return path
    except LocalEntryNotFoundError:
        why = "the network is forbidden" if only_local else "the hub cannot be reached"
        raise ModelError(
            f'there is no folder "{text}" here, no local copy of a hub model of that name, and {why}. '
            "Fix: check the path, or download the model where there is a network"
        ) from None
    except (HfHubHTTPError, OSError) as error:
        raise ModelError(
            f'there is no folder "{text}" here, and the hub does not give a model of that name '
            f"({_first_line(error)}). Fix: check the path or the name"
        ) from None


def upload(extractor: Extractor, name: str, *, private: bool) -> str:
    """Uploads the model folder; see ``Extractor.push_to_hub``."""
    if is_offline():
        raise ModelError(
            f'"{name}" cannot be uploaded: the network is forbidden by {" or ".join(_OFFLINE)}. '
            "Fix: unset it, or use save_pretrained"
        )
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    hub = HfApi()
    with tempfile.TemporaryDirectory() as place:
        folder = extractor.save_pretrained(Path(place) / "model")
        try:
            made = hub.create_repo(name, private=private, exist_ok=True)
            hub.upload_folder(repo_id=made.repo_id, folder_path=folder)
        except (HFValidationError, HfHubHTTPError, OSError) as error:
            raise ModelError(
                f'"{name}" cannot be uploaded ({_first_line(error)}). '
                "Fix: check the name, the network and your access token"
            ) from None
    return str(made)


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__).strip()
