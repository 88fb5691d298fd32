"""Choose the arithmetic of training."""

import torch


def mixed(device: torch.device) -> torch.autocast:
    """Return a context of bfloat16 where the hardware supports it, of float32 elsewhere.

    Processors without such units emulate bfloat16, several times slower than float32.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" or _on_cpu())


def _on_cpu() -> bool:
    units = torch.cpu
    # torch has no public function for this
    return units._is_amx_tile_supported() or units._is_avx512_bf16_supported()  # noqa: SLF001
