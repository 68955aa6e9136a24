"""The settings file that the guide shows is one, but for the secrets it names."""

import re
from pathlib import Path

from winestream.operations.settings import ConsumerSettings, from_toml, resolve

GUIDE = Path(__file__).parents[2] / "docs" / "running-a-consumer.md"


def test_the_settings_file_of_the_guide_is_understood(tmp_path: Path) -> None:
    """Every key is known and every value fits; the two secrets are made here."""
    [text] = re.findall(r"```toml\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    (tmp_path / "kafka").write_text("local")
    text = text.replace("/run/secrets/kafka", "kafka")
    text = text.replace(
        'private_key_file = "/run/secrets/snowflake.p8"', 'password_file = "kafka"'
    )
    file = tmp_path / "winestream.toml"
    file.write_text(text)
    settings = resolve(ConsumerSettings, from_toml(file)).require()
    assert settings.kafka["sasl.password"] == "local"
    assert settings.batch.max_rows == 20_000
