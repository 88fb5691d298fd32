"""Which arithmetic training uses where."""

import torch


def mixed(device: torch.device) -> torch.autocast:
    """Return a context of bfloat16 where the hardware multiplies it, of float32 elsewhere.

    Processors without such units emulate bfloat16, several times slower than float32.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" or _on_cpu())


def _on_cpu() -> bool:
    units = torch.cpu
    # torch says it nowhere else
    return units._is_amx_tile_supported() or units._is_avx512_bf16_supported()  # noqa: SLF001
