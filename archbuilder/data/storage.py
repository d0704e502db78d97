"""Where a split's images lie while it is trained on: on the device, or on the host and sent batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from archbuilder.data.images import Images

Chunk = tuple[torch.Tensor, torch.Tensor]

# Of the memory that is free when training begins, before the network's activations have claimed theirs.
SHARE = 0.5


class Storage:
    """Gives the images uint8 [B, C, H, W] and labels int64 [B] at given places, on the device.

    A split larger than `limit` bytes stays on the host; each of its batches is sent while the one before is
    used. Without a limit that is half of the free memory on a CUDA device, and none elsewhere. `where` says
    in a few words what was chosen and why.
    """

    def __init__(self, content: Images, device: torch.device | str, limit: int | None = None) -> None:
        self.device = torch.device(device)
        size = content.images.nbytes
        reason = _too_large(size, self.device, limit)
        self.resident = not reason
        self.where = (
            f"resident on {self.device} ({_bytes(size)})"
            if self.resident
            else f"streamed to {self.device} ({_bytes(size)}, {reason})"
        )
        self.images = content.images.to(self.device) if self.resident else content.images
        self.labels = content.labels.to(self.device) if self.resident else content.labels

    def __len__(self) -> int:
        return len(self.images)

    def chunks(self, places: Iterable[torch.Tensor]) -> Iterator[Chunk]:
        """Yield the images and labels at each of some places, int64 [B] on the CPU, in their order."""
        return self._here(places) if self.resident else self._sent(places)

    def _here(self, places: Iterable[torch.Tensor]) -> Iterator[Chunk]:
        for chosen in places:
            there = chosen.to(self.device, non_blocking=True)
            yield self.images.index_select(0, there), self.labels.index_select(0, there)

    def _sent(self, places: Iterable[torch.Tensor]) -> Iterator[Chunk]:
        """Send one batch ahead: the copy of the next one runs beside the work on this one."""
        side = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None  # type: ignore[no-untyped-call]
        ahead = None
        for chosen in places:
            following = self._send(chosen, side)
            if ahead is not None:
                yield _arrived(*ahead)
            ahead = following
        if ahead is not None:
            yield _arrived(*ahead)

    def _send(self, chosen: torch.Tensor, side: torch.cuda.Stream | None) -> tuple[Chunk, torch.cuda.Event | None]:
        images, labels = (_picked(values, chosen, side is not None) for values in (self.images, self.labels))
        if side is None:
            return (images.to(self.device), labels.to(self.device)), None
        # The pinned buffers may be dropped at once: torch keeps them from use until the copies are done.
        with torch.cuda.stream(side):
            there = images.to(self.device, non_blocking=True), labels.to(self.device, non_blocking=True)
            return there, side.record_event()


def _picked(values: torch.Tensor, chosen: torch.Tensor, pinned: bool) -> torch.Tensor:
    """Return the values at the chosen places, gathered straight into pinned memory where that helps."""
    if not pinned:
        return values.index_select(0, chosen)
    buffer = torch.empty((len(chosen), *values.shape[1:]), dtype=values.dtype, pin_memory=True)
    return torch.index_select(values, 0, chosen, out=buffer)


def _arrived(chunk: Chunk, sent: torch.cuda.Event | None) -> Chunk:
    """Return a chunk that the work queued from now on may use."""
    if sent is not None:
        # The stream waits, not the host; and the memory is not given away before this stream is done with it.
        current = torch.cuda.current_stream(chunk[0].device)
        current.wait_event(sent)
        for tensor in chunk:
            tensor.record_stream(current)
    return chunk


def _too_large(size: int, device: torch.device, limit: int | None) -> str:
    """Return why so many bytes are not kept on a device, or nothing where they are."""
    if limit is not None:
        return f"more than the limit of {_bytes(limit)}" if size > limit else ""
    if device.type != "cuda":
        return ""
    free, _ = torch.cuda.mem_get_info(device)
    return f"more than {SHARE:.0%} of the {_bytes(free)} free there" if size > SHARE * free else ""


def _bytes(count: int) -> str:
    """Return a number of bytes for people: 154 MB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}" if count < 10 * size else f"{count / size:.0f} {unit}"
    return f"{count} B"
