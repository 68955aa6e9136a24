r"""Private keys as people have them, made into the DER bytes the connector takes.

A key may be a PEM file, or text from a secret store that lost its line breaks, holds
`\\n` as two characters, or came without its header lines. No message of this module
quotes any of it.
"""

import base64
import binascii
import re
from pathlib import Path
from typing import TYPE_CHECKING

from winestream.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_ARMOUR = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_SMALLEST = 2048  # bits; Snowflake refuses smaller RSA keys
_LINE = 64  # characters of base64 in a line of PEM


def read_key_file(path: Path, passphrase: str | None, where: str) -> bytes:
    """Return the key in a file as unencrypted PKCS#8 DER.

    `where` names the setting in errors. Raises `ConfigurationError`.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(f"{where} {path} does not exist") from None
    except OSError as error:
        raise ConfigurationError(f"{where} {path}: {error.strerror}") from None
    named = f"{where} {path}"
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:  # DER, or nothing at all
        return _as_der(_load_der(content, passphrase, named), named)
    return read_key_text(text, passphrase, named)


def read_key_text(text: str, passphrase: str | None, where: str) -> bytes:
    r"""Return a key given as text as unencrypted PKCS#8 DER.

    PEM with or without line breaks, with `\\n` as two characters, with or without the
    header lines. `where` names the setting in errors. Raises `ConfigurationError`.
    """
    plain = text.replace("\\r", "").replace("\\n", "\n").strip()
    if not plain:
        raise ConfigurationError(f"{where} is empty")
    if "-----" not in plain:
        return _as_der(_load_der(_base64(plain, where), passphrase, where), where)
    found = _ARMOUR.search(plain)
    if found is None:
        raise ConfigurationError(
            f"{where} is cut off: the BEGIN and END lines of a PEM do not match"
        )
    label, body = found[1], found[2]
    if not label.endswith("PRIVATE KEY"):
        raise ConfigurationError(
            f"{where} holds a {label.lower()}, not a private key: Snowflake keeps the "
            "public half, the client signs with the private one"
        )
    return _as_der(_load_pem(_wrapped(label, body), passphrase, where), where)


def _wrapped(label: str, body: str) -> bytes:
    """Return PEM with its line breaks where they belong."""
    if "Proc-Type" not in body:  # the old encrypted form keeps its own lines
        packed = "".join(body.split())
        lines = [packed[at : at + _LINE] for at in range(0, len(packed), _LINE)]
        body = "\n" + "\n".join(lines) + "\n"
    return f"-----BEGIN {label}-----{body}-----END {label}-----\n".encode()


def _base64(text: str, where: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        raise ConfigurationError(
            f"{where} is no key: neither a PEM nor the base64 text of one"
        ) from None


def _load_pem(pem: bytes, passphrase: str | None, where: str) -> "PrivateKeyTypes":
    # Not at the top: only who signs in with a key pays for it.
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
    )

    try:
        return load_pem_private_key(pem, _secret(passphrase))
    except Exception as error:  # noqa: BLE001 — several kinds, all mean: not this way
        raise _refused(error, passphrase, where) from None


def _load_der(der: bytes, passphrase: str | None, where: str) -> "PrivateKeyTypes":
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_der_private_key,
    )

    try:
        return load_der_private_key(der, _secret(passphrase))
    except Exception as error:  # noqa: BLE001 — as above
        raise _refused(error, passphrase, where) from None


def _secret(passphrase: str | None) -> bytes | None:
    return None if passphrase is None else passphrase.encode()


def _refused(
    error: Exception, passphrase: str | None, where: str
) -> ConfigurationError:
    """Say why a key cannot be read. The cause is left out: it may quote the key."""
    if isinstance(error, TypeError) and passphrase is None:
        return ConfigurationError(
            f"{where} is encrypted: give its passphrase as private_key_passphrase "
            "(WINESTREAM_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE)"
        )
    if isinstance(error, TypeError):
        return ConfigurationError(
            f"{where} is not encrypted: leave private_key_passphrase out"
        )
    hint = " or the passphrase is wrong" if passphrase is not None else ""
    return ConfigurationError(
        f"{where} is no private key that can be read{hint}: make one with "
        "`openssl genrsa 2048 | openssl pkcs8 -topk8 -inform PEM -out key.p8`"
    )


def _as_der(key: "PrivateKeyTypes", where: str) -> bytes:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigurationError(
            f"{where} is no RSA key: connector 4 and 5 both sign in with RSA"
        )
    if key.key_size < _SMALLEST:
        raise ConfigurationError(
            f"{where} has {key.key_size} bits: Snowflake wants {_SMALLEST} or more"
        )
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
