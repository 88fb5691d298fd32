"""Keys are equal only for sentences that sound the same."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from vits_tts.cache.key import file_hash, rate_in, sentence_key, speech_hash, with_rate
from vits_tts.types import Level, Prosody

scale = st.floats(0, 4, allow_nan=False)
prosodies = st.builds(Prosody, scale, scale, scale, st.integers(0, 100))
levels = st.builds(Level, st.floats(0.1, 10), st.none() | st.floats(-40, -10))
inputs = st.tuples(st.text(max_size=8), st.text(max_size=20), prosodies, levels)


@given(inputs, inputs)
def test_equal_only_if_all_is_equal(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    """Two keys are equal exactly if all values that affect the samples are equal."""
    assert (sentence_key(*one) == sentence_key(*other)) == (one == other)


def test_every_part_counts() -> None:
    """A change of any single parameter changes the key."""
    prosody = Prosody(1.0, 0.667, 0.8)
    changed = [
        replace(prosody, length_scale=1.1),
        replace(prosody, noise_scale=0.6),
        replace(prosody, noise_w=0.7),
        replace(prosody, speaker_id=1),
    ]
    keys = {sentence_key("voice", "xin", each) for each in [prosody, *changed]}
    keys |= {sentence_key("other", "xin", prosody), sentence_key("voice", "chào", prosody)}
    levels = Level(0.5), Level(loudness=-19.0), Level(loudness=-23.0)
    keys |= {sentence_key("voice", "xin", prosody, level) for level in levels}
    assert len(keys) == 10


@given(st.lists(st.tuples(st.text(max_size=3), st.floats(0, 9)), max_size=3), st.integers(1, 9))
def test_hash_of_a_text(parts: list[tuple[str, float]], rate: int) -> None:
    """A text's hash follows from its sentences, their pauses and the sample rate."""
    again = [(str(key), float(pause)) for key, pause in parts]
    assert speech_hash(parts, rate) == speech_hash(iter(again), rate)
    assert speech_hash(parts, rate) != speech_hash([*parts, ("x", 0.0)], rate)
    assert speech_hash(parts, rate) != speech_hash(parts, rate + 1)


@given(st.text(max_size=9), st.integers(8000, 48000))
def test_a_hash_with_a_rate(content: str, rate: int) -> None:
    """The rate can be read from a hash that has one; all hashes have the same length."""
    plainly = file_hash("secret", content)
    marked = with_rate(plainly, rate)
    assert len(marked) == len(plainly) == 40
    assert (rate_in(marked), rate_in(plainly)) == (rate, None)
