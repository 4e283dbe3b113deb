"""Learned models with versions: what was trained, on what, how well, and which one serves."""

from recommend.models.registry import ModelInfo, ModelRegistry
from recommend.models.tables import ModelKind, ModelState

__all__ = ["ModelInfo", "ModelKind", "ModelRegistry", "ModelState"]
