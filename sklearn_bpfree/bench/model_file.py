"""A saved model: a pipeline as joblib writes it, and behind it a card that says what it is, who made it, and a seal.

A pickle can run any code when it is opened, so whose it is must be known before. The seal is made with a key that lies
in the home of the user who saved the model: a file with that user's seal is opened, any other only after it was said
who claims to have made it and the user trusts it. `joblib.load` opens the file as well, without asking.
Read `write_model` and `open_model`.

Layout: pickle | card as JSON | HMAC-SHA256 of both | length of the card, 8 bytes | MAGIC.
"""

import getpass
import hashlib
import hmac
import io
import json
import os
import platform
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import joblib
import numpy
import sklearn

from sklearn_bpfree import __version__
from sklearn_bpfree.bench.files import replacing
from sklearn_bpfree.bench.reading import BenchError, Table, first_line
from sklearn_bpfree.tabular import describe_columns

MAGIC = b"bpfree model 1\n"
SEAL = hashlib.sha256().digest_size


def _maker():
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without users
        user = "somebody"
    return f"{user} on {platform.node() or 'a machine'}"


def _versions():
    python = platform.python_version()
    return {
        "sklearn-bpfree": __version__,
        "scikit-learn": sklearn.__version__,
        "numpy": numpy.__version__,
        "python": python,
    }


@dataclass(frozen=True)
class ModelCard:
    """What a model was trained on, and by whom; `columns` maps each column's name to what it was taken for."""

    model: str
    task: str
    target: str
    table: str
    rows: int
    columns: dict[str, str]
    id: str | None = None
    made_by: str = field(default_factory=_maker)
    made_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    versions: dict[str, str] = field(default_factory=_versions)

    @classmethod
    def of(cls, model: str, table: Table, target: str, id: str | None = None) -> "ModelCard":
        """The card of a model that was trained on a table."""
        columns = {str(column.name): column.kind for column in describe_columns(table.X, table.y)}
        return cls(model, table.task, target, table.name, len(table.y), columns, id)

    def differences(self) -> list[str]:
        """A sentence if the model was saved by other versions of the libraries than these."""
        found = [f"{name} {version}" for name, version in self.versions.items() if _versions().get(name) != version]
        return [f"It was saved with {', '.join(found)}; predictions may differ."] if found else []

    @classmethod
    def from_json(cls, text: bytes) -> "ModelCard":
        """The card that `text` describes; a TypeError or ValueError if it describes none."""
        card = cls(**json.loads(text))
        if not (isinstance(card.columns, dict) and isinstance(card.versions, dict)):
            raise TypeError("columns and versions must be mappings")
        return card

    def __str__(self):
        return (
            f"{self.model}, a {self.task} of {self.target!r} trained on {self.rows} rows and {len(self.columns)} "
            f"columns of {self.table}, saved by {self.made_by} at {self.made_at}"
        )


def write_model(path: str, pipeline: Any, card: ModelCard) -> None:
    """Write a model and its card, sealed with the user's key.

    Parameters
    ----------
    path : str
    pipeline : fitted Pipeline
    card : ModelCard

    Raises
    ------
    BenchError
        If the file cannot be written.
    """
    buffer = io.BytesIO()
    joblib.dump(pipeline, buffer)
    described = json.dumps(asdict(card)).encode()
    content = buffer.getvalue() + described
    with replacing(path) as file:
        file.write(content + _seal(content, _key(create=True)) + len(described).to_bytes(8, "big") + MAGIC)


def open_model(path: str, trust: bool = False) -> tuple[Any, ModelCard]:
    """Open a model, if the user has made or trusts it.

    Parameters
    ----------
    path : str
    trust : bool, default=False
        Whether to open a model without the user's seal.

    Returns
    -------
    pipeline : Pipeline
    card : ModelCard

    Raises
    ------
    BenchError
        If it is no model, is not trusted, or cannot be opened.
    """
    content, seal, n_card = _parts(path)
    try:
        card = ModelCard.from_json(content[len(content) - n_card :])
    except (TypeError, ValueError, RecursionError) as error:
        raise BenchError(f"{path} is damaged: its card cannot be read; save the model again.") from error
    key = _key()
    if not trust and not (key and hmac.compare_digest(seal, _seal(content, key))):
        raise BenchError(
            f"{path} was not saved by you on this machine, or was changed since, and opening it can run any code; it "
            f"says that it is {card}; if you know where it comes from, add --trust."
        )
    try:
        return joblib.load(io.BytesIO(content[: len(content) - n_card])), card
    except Exception as error:  # whatever a damaged pickle, or one of other versions, may raise
        made = ", ".join(f"{name} {version}" for name, version in card.versions.items())
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise BenchError(f"{path} cannot be opened ({reason}); it was saved with {made}.") from error


def _parts(path):
    """Pickle and card, the seal, and the length of the card."""
    data = Path(path).read_bytes()
    end = len(data) - len(MAGIC) - 8
    n_card = int.from_bytes(data[end : end + 8], "big") if end >= SEAL else -1
    if not data.endswith(MAGIC) or not 0 <= n_card <= end - SEAL:
        raise BenchError(f"{path} is no model that bpfree fit or bpfree bench --save has written.")
    return data[: end - SEAL], data[end - SEAL : end], n_card


def _seal(content, key):
    return hmac.digest(key, content, "sha256") if key else bytes(SEAL)


def _key(create=False) -> bytes:
    """The user's own key; empty where there is none and none can be kept."""
    path = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "bpfree" / "key"
    try:
        if create and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
        return path.read_bytes()
    except (OSError, RuntimeError):  # a home that is read only, or no home
        return b""
