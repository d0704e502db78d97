"""Where pixels go: mirroring, shifts, squares cut out and affine maps of whole batches, each image its own."""

from __future__ import annotations

import torch


def mirror(images: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
    """Mirror those images [N, C, H, W] left to right for which `mirrored`, bool [N], says so."""
    n = len(images)
    # Choosing among both copies moves whole images, several times faster than torch.where.
    both = torch.cat([images, images.flip(3)])
    return both.index_select(0, torch.arange(n, device=images.device) + n * mirrored)


def shift(images: torch.Tensor, down: torch.Tensor, right: torch.Tensor, reflect: bool = True) -> torch.Tensor:
    """Crop each image [N, C, H, W] `down` rows and `right` columns, int64 [N], from where it lies.

    What comes in at the border is the image's reflection, or black (0); shifts are smaller than H and W.
    """
    height, width = images.shape[2:]
    if reflect:
        rows, columns = _reflected(height, down), _reflected(width, right)
    else:
        # A black row and column behind the last ones, for all positions outside.
        images = torch.nn.functional.pad(images, (0, 1, 0, 1))
        rows, columns = _or_behind(height, down), _or_behind(width, right)
    return _gathered(images, rows, columns)


def _gathered(images: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Return each image's pixels at its rows [N, H'] and columns [N, W']."""
    n, channels, height, width = images.shape
    # Rows are chosen whole, among those of all images: cheaper than padding first and cropping then.
    planes = torch.arange(n * channels, device=images.device).view(n, channels, 1) * height
    lines = images.reshape(-1, width).index_select(0, (planes + rows[:, None]).flatten())
    chosen = columns[:, None, None].expand(n, channels, rows.shape[1], columns.shape[1])
    return lines.view(n, channels, rows.shape[1], width).gather(3, chosen)


def _reflected(length: int, shift: torch.Tensor) -> torch.Tensor:
    """Return positions 0..length-1 plus each shift [N], those outside reflected at the border: [N, length]."""
    position = (torch.arange(length, device=shift.device) + shift[:, None]).abs()
    return (length - 1) - ((length - 1) - position).abs()


def _or_behind(length: int, shift: torch.Tensor) -> torch.Tensor:
    """Return positions 0..length-1 plus each shift [N], `length` for those outside: [N, length]."""
    position = torch.arange(length, device=shift.device) + shift[:, None]
    return torch.where((position >= 0) & (position < length), position, length)


def squares(
    height: int, width: int, row: torch.Tensor, column: torch.Tensor, tall: torch.Tensor | int, wide: torch.Tensor | int
) -> torch.Tensor:
    """Return rectangles around points, int64 [N] each, cut at the border: bool [N, 1, H, W].

    Sides may be given for each image; a rectangle begins half its side, rounded down, before its point.
    """
    rows, columns = _covered(height, row, tall), _covered(width, column, wide)
    return rows[:, None, :, None] & columns[:, None, None, :]


def _covered(length: int, point: torch.Tensor, side: torch.Tensor | int) -> torch.Tensor:
    """Return which of `length` positions lie in an interval around each point: bool [N, length]."""
    start = (point - side // 2)[:, None]
    end = (point - side // 2 + side)[:, None]
    position = torch.arange(length, device=point.device)
    return (position >= start) & (position < end)


def affine(images: torch.Tensor, matrix: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
    """Map each image [N, C, H, W] by its matrix, float64 [N, 2, 2], and offset [N, 2], in pixels.

    The pixel at p (down, right; from the centre) becomes the one nearest to matrix @ p + offset, black (0)
    outside.
    """
    n, channels, height, width = images.shape
    middle = torch.tensor([(height - 1) / 2, (width - 1) / 2], dtype=torch.float64, device=images.device)
    down = torch.arange(height, dtype=torch.float64, device=images.device)[:, None] - middle[0]
    right = torch.arange(width, dtype=torch.float64, device=images.device)[None] - middle[1]
    # Half a pixel more and rounded down: the nearest, and between two the further one.
    rows, columns = (
        (
            matrix[:, axis, 0, None, None] * down
            + matrix[:, axis, 1, None, None] * right
            + (offset[:, axis] + middle[axis] + 0.5)[:, None, None]
        )
        .floor()
        .long()
        for axis in (0, 1)
    )
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    places = torch.where(inside, rows * width + columns, height * width)
    flat = torch.nn.functional.pad(images.reshape(n, channels, -1), (0, 1))
    return flat.gather(2, places.view(n, 1, -1).expand(n, channels, -1)).view(images.shape)
