"""Lets fakesnow be imported beside snowflake-connector-python 5.

fakesnow 0.12 imports two modules that connector 4 has and connector 5, with its
compiled core, does not. In the server process only names and one gzip helper of
them are ever needed. With connector 4 this module does nothing.
"""

import gzip
import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType


class SnowflakeConverter:
    """Stands in for the client-side binder, which a server never uses."""


class SnowflakeFileUtil:
    """Stands in for the uploader's helper."""

    @staticmethod
    def compress_file_with_gzip(source: str, folder: str) -> tuple[str, int]:
        """Gzip `source` into `folder`; answers the new file's path and size."""
        target = Path(folder, Path(source).name + "_c.gz")
        with Path(source).open("rb") as plain, gzip.open(target, "wb") as packed:
            shutil.copyfileobj(plain, packed)
        return str(target), target.stat().st_size


def install() -> None:
    """Provide the missing modules; call it before the first import of fakesnow."""
    import snowflake.connector  # noqa: PLC0415 - only the server process pays for it

    for name, content in (
        ("converter", SnowflakeConverter),
        ("file_util", SnowflakeFileUtil),
    ):
        full_name = f"snowflake.connector.{name}"
        if importlib.util.find_spec(full_name) is not None:
            continue
        module = ModuleType(full_name)
        setattr(module, content.__name__, content)
        sys.modules[full_name] = module
        setattr(snowflake.connector, name, module)
