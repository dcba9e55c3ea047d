"""What every part of the settings is: frozen, without unknown names, with documented fields."""

from pydantic import BaseModel, ConfigDict


class SettingsModel(BaseModel):
    """Base of all settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
