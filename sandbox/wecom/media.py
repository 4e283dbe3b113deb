"""Uploads of an enterprise (contract, section 3)."""

from __future__ import annotations

from sandbox.clock import Clock
from sandbox.media import Media, MediaShelf, fresh_media_id, suffix_of
from sandbox.settings import Settings
from sandbox.wire import Call, JsonObject, PlatformError, Upload

MB = 1024 * 1024
_LIMITS: dict[str, tuple[int, tuple[str, ...]]] = {
    "image": (10 * MB, ("jpg", "png")),
    "voice": (2 * MB, ("amr",)),
    "video": (10 * MB, ("mp4",)),
    "file": (20 * MB, ()),
}
_SCENES = {"1": ("image", "video"), "2": ("image", "video", "file")}
SMALLEST = 5


class WeComMedia:
    def __init__(self, shelf: MediaShelf, clock: Clock, settings: Settings) -> None:
        self._shelf = shelf
        self._clock = clock
        self.settings = settings

    def upload(self, call: Call) -> JsonObject:
        kind = call.args.get("type", "")
        if kind not in _LIMITS:
            raise PlatformError(40004, "invalid media type")
        media = self._keep(call, self._checked(call, kind), kind, call.owner)
        return {"type": kind, "media_id": media.id, "created_at": str(int(media.created))}

    def upload_attachment(self, call: Call) -> JsonObject:
        kind, scene = call.args.get("media_type", ""), call.args.get("attachment_type", "")
        if scene not in _SCENES or kind not in _SCENES[scene]:
            raise PlatformError(41072, "invalid attachment scene")
        upload = self._checked(call, kind)
        if len(upload.data) > 10 * MB:
            raise PlatformError(41080, "invalid attachment size")
        media = self._keep(call, upload, kind, call.owner, scene=f"attachment{scene}")
        return {"type": kind, "media_id": media.id, "created_at": int(media.created)}

    def uploadimg(self, call: Call) -> JsonObject:
        upload = self._checked(call, "image")
        if len(upload.data) > 2 * MB:
            raise PlatformError(40009, "invalid image size")
        return {"url": self._keep(call, upload, "picture", call.owner, permanent=True).url}

    def robot_upload(self, call: Call, key: str) -> JsonObject:
        kind = call.args.get("type", "")
        if kind not in ("file", "voice"):
            raise PlatformError(40004, "invalid media type")
        media = self._keep(call, self._checked(call, kind), kind, f"robot:{key}")
        return {"type": kind, "media_id": media.id, "created_at": str(int(media.created))}

    def need(self, owner: str, media_id: str, *kinds: str, scene: str = "") -> Media:
        """A living upload of one of the kinds; 40007 otherwise."""
        media = self._shelf.find(owner, media_id)
        if media is None or media.kind not in kinds or media.scene != scene:
            raise PlatformError(40007, "invalid media_id")
        life = self.settings.media_days * 86400
        if not media.permanent and media.created + life < self._clock.now():
            raise PlatformError(40007, "invalid media_id")
        return media

    def _checked(self, call: Call, kind: str) -> Upload:
        upload = next((one for one in call.uploads if one.field == "media"), None)
        if upload is None or not upload.data:
            raise PlatformError(44001, "empty media data")
        if len(upload.data) <= SMALLEST:
            raise PlatformError(40006, "invalid media size")
        size, suffixes = _LIMITS[kind]
        if len(upload.data) > size:
            raise PlatformError(40009 if kind == "image" else 40006, "invalid media size")
        if suffixes and suffix_of(upload.data) not in suffixes:
            raise PlatformError(40005, "invalid file type")
        return upload

    def _keep(
        self,
        call: Call,
        upload: Upload,
        kind: str,
        owner: str,
        *,
        permanent: bool = False,
        scene: str = "",
    ) -> Media:
        media_id, suffix = fresh_media_id(), suffix_of(upload.data)
        media = Media(
            id=media_id,
            owner=owner,
            kind=kind,
            name=upload.filename,
            suffix=suffix,
            size=len(upload.data),
            created=self._clock.now(),
            permanent=permanent,
            url=f"{call.base_url}/wecom/media/{media_id}.{suffix or 'bin'}",
            scene=scene,
        )
        return self._shelf.add(media, upload.data)
