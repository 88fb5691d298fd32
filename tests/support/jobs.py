"""Items of jobs."""

from vits_tts.jobs.model import ItemSpec


def item(text: str) -> ItemSpec:
    """Return an item with a text and no other option."""
    return ItemSpec(
        text=text,
        voice=None,
        speaker=None,
        speed=None,
        format=None,
        sample_rate=None,
        bit_rate=None,
        key=None,
    )
