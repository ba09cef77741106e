"""Certificates and passwords of the tests' broker."""

from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

USER, PASSWORD = "ada", "kept-secret-31"
_SCRAM = "SCRAM-SHA-256"
_LISTENER = "listener.name.sasl_ssl"
_LOGIN = "org.apache.kafka.common.security"


def issue(folder: Path) -> Path:
    """Write the broker's key and certificate; the file with the authority that signed it."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    _store(folder).write_bytes(_pkcs8(issued.private_key_pem.bytes()) + chain)
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    return folder / "authority.pem"


def properties(folder: Path) -> list[str]:
    """Lines of the broker's settings for its listener SASL_SSL."""
    plain = f'{_LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
    return [
        "ssl.keystore.type=PEM",
        f"ssl.keystore.location={_store(folder)}",
        f"sasl.enabled.mechanisms=PLAIN,{_SCRAM}",
        f"{_LISTENER}.plain.sasl.jaas.config={plain}",
        f"{_LISTENER}.{_SCRAM.lower()}.sasl.jaas.config={_LOGIN}.scram.ScramLoginModule required;",
    ]


def scram() -> list[str]:
    """Arguments of the storage tool that let the user in by SCRAM."""
    return ["--add-scram", f"{_SCRAM}=[name={USER},password={PASSWORD}]"]


def _store(folder: Path) -> Path:
    return folder.absolute() / "broker.pem"


def _pkcs8(key: bytes) -> bytes:
    """Kafka reads keys in no other form."""
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
