"""Private keys in every shape that files, containers and secret stores leave them."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from winestream.errors import ConfigurationError
from winestream.snowflake.keys import read_key_file, read_key_text

PASSPHRASE = "open sesame"  # noqa: S105 — an example
WHERE = "private_key"

SHAPES: dict[str, Callable[[str], str]] = {
    "as it is": lambda pem: pem,
    "windows": lambda pem: pem.replace("\n", "\r\n"),
    "one line": lambda pem: pem.replace("\n", ""),
    "spaces": lambda pem: " ".join(pem.split("\n")),
    "literal": lambda pem: pem.replace("\n", "\\n"),
    "literal, windows": lambda pem: pem.replace("\n", "\\r\\n"),
    "indented": lambda pem: "\n".join(f"    {line}" for line in pem.splitlines()),
    "body": lambda pem: "\n".join(pem.splitlines()[1:-1]),
    "body in one line": lambda pem: "".join(pem.splitlines()[1:-1]),
    "body, literal": lambda pem: "\\n".join(pem.splitlines()[1:-1]),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_key_is_read_in_every_shape(
    shape: Callable[[str], str], pem: str, locked_pem: str, der: bytes
) -> None:
    """Line breaks and header lines are what secret stores lose; the key is the same."""
    assert read_key_text(shape(pem), None, WHERE) == der
    assert read_key_text(shape(locked_pem), PASSPHRASE, WHERE) == der


@pytest.mark.parametrize("phrase", [None, PASSPHRASE])
def test_the_older_pem_form_is_read_too(
    phrase: str | None, rsa_key: rsa.RSAPrivateKey, der: bytes
) -> None:
    """BEGIN RSA PRIVATE KEY, with and without its own way of encryption."""
    lock = (
        serialization.NoEncryption()
        if phrase is None
        else serialization.BestAvailableEncryption(phrase.encode())
    )
    form = serialization.PrivateFormat.TraditionalOpenSSL
    text = rsa_key.private_bytes(serialization.Encoding.PEM, form, lock).decode()
    assert text.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert read_key_text(text, phrase, WHERE) == der
    assert read_key_text(text.replace("\n", "\\n"), phrase, WHERE) == der


def test_a_file_holds_pem_or_der(tmp_path: Path, pem: str, der: bytes) -> None:
    """Both are what openssl writes."""
    file = tmp_path / "key"
    file.write_text(pem)
    assert read_key_file(file, None, "private_key_file") == der
    file.write_bytes(der)
    assert read_key_file(file, None, "private_key_file") == der


def test_what_is_wrong_with_a_key_is_said(
    pem: str, locked_pem: str, rsa_key: rsa.RSAPrivateKey
) -> None:
    """Each mistake has its own sentence, names the setting, and quotes nothing."""
    public = rsa_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 — refused
    curve = ec.generate_private_key(ec.SECP256R1())
    body = "".join(pem.splitlines()[1:-1])
    cases = [
        ("", None, "is empty"),
        ("not/a:key", None, "neither a PEM nor the base64"),
        (pem[:800], None, "is cut off"),
        (body[:800], None, "is no private key that can be read"),
        (base64.b64encode(b"hello").decode(), None, "is no private key"),
        (public.decode(), None, "holds a public key, not a private key"),
        (locked_pem, None, "is encrypted: give its passphrase"),
        (locked_pem, "wrong", "or the passphrase is wrong"),
        (pem, PASSPHRASE, "is not encrypted: leave"),
        (_pem_of(small), None, "has 1024 bits"),
        (_pem_of(curve), None, "is no RSA key"),
    ]
    for text, phrase, says in cases:
        with pytest.raises(ConfigurationError, match=says) as caught:
            read_key_text(text, phrase, WHERE)
        message = str(caught.value)
        assert message.startswith(WHERE)
        assert body[40:80] not in message
        assert caught.value.__cause__ is None


def test_a_file_that_is_none_names_its_path(tmp_path: Path) -> None:
    """A wrong path and an unreadable content both say which file."""
    missing = tmp_path / "missing.p8"
    with pytest.raises(ConfigurationError, match=r"missing\.p8 does not exist"):
        read_key_file(missing, None, "private_key_file")
    with pytest.raises(ConfigurationError, match="Is a directory"):
        read_key_file(tmp_path, None, "private_key_file")
    missing.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"missing\.p8 is no private key"):
        read_key_file(missing, None, "private_key_file")


def _pem_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
