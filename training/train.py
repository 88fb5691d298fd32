"""Train one of the networks; training can stop and continue at any time."""

import argparse
import copy
import dataclasses
import json
import logging
import math
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn
from tqdm import tqdm

from training import data, description
from training.acoustic_recipe import AcousticRecipe
from training.config import CONFIGS, Config
from training.files import checkpoint, save
from training.prosody_recipe import ProsodyRecipe
from training.recipes import RECIPES, Recipe
from training.voice_recipe import Voice, VoiceRecipe

if TYPE_CHECKING:
    from training.prosody import Prosody
    from training.sources import Source

CHECKPOINT_SECONDS = 300.0
INTERRUPTED = 75
AVERAGE = 0.998
# Dropout before a normalisation biases predictions without dropout (durations came out 21 % too
# long). So the last part of every training runs without it.
NOISELESS = 0.85
_LOG = logging.getLogger("train")


def device_of(name: str) -> torch.device:
    """Return the named device; ``auto`` is a GPU if one is present."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Return the learning rate: a short warm-up, then half a cosine down to 3 % of the peak."""
    warm = min(1.0, (step + 1) / 200)
    return peak * warm * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def groups(recipe: Recipe) -> list[dict[str, Any]]:
    """Return the networks' parameters with their shares of the learning rate."""
    if isinstance(recipe, VoiceRecipe):
        parts = {recipe.model.acoustic: recipe.config.acoustic_share, recipe.model.decoder: 1.0}
    else:
        parts = {recipe.model: 1.0}
    return [{"params": list(part.parameters()), "share": share} for part, share in parts.items()]


class Training:
    """A recipe with its optimisers, averaged weights, and the rest of a checkpoint."""

    def __init__(self, recipe: Recipe) -> None:
        """Start from fresh weights."""
        self.recipe, self.step = recipe, 0
        self.adopted = 0  # steps of the acoustic model inside the voice before it was adopted
        self.centred = False
        self.average = copy.deepcopy(recipe.model).eval().requires_grad_(False)
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            "model": torch.optim.AdamW(
                groups(recipe), recipe.rate, (0.8, 0.99), weight_decay=0.02, fused=True
            )
        }
        if recipe.judges is not None:
            self.optimisers["judges"] = torch.optim.AdamW(
                recipe.judges.parameters(), recipe.rate, (0.8, 0.99), weight_decay=0.01, fused=True
            )

    def state(self) -> dict[str, Any]:
        """Return the state that a later run needs to continue exactly."""
        recipe = self.recipe
        return {
            "step": self.step,
            "adopted": self.adopted,
            "centred": self.centred,
            "config": dataclasses.asdict(recipe.config),
            "model": recipe.model.state_dict(),
            "average": self.average.state_dict(),
            "judges": recipe.judges.state_dict() if recipe.judges is not None else None,
            "optimisers": {k: v.state_dict() for k, v in self.optimisers.items()},
            "random": torch.get_rng_state(),
            "cuda_random": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Return to the state of a checkpoint."""
        self.step, self.adopted = state["step"], state.get("adopted", 0)
        self.centred = state.get("centred", False)
        self.recipe.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        if self.recipe.judges is not None:
            self.recipe.judges.load_state_dict(state["judges"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        torch.set_rng_state(state["random"])
        if state["cuda_random"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(state["cuda_random"])

    def adopt(self, state: dict[str, Any]) -> None:
        """Copy an acoustic model that was trained separately into the voice.

        That happens once, and again after it was trained further.
        """
        if isinstance(self.recipe, VoiceRecipe) and self.adopted < state["step"]:
            for model in (self.recipe.model, self.average):
                cast("Voice", model).adopt(state["average"])
            self.adopted = state["step"]
            replaced = [*self.recipe.acoustic.parameters(), self.recipe.model.decoder.hidden.weight]
            for parameter in replaced:
                self.optimisers["model"].state.pop(parameter, None)
            _LOG.info("adopted the acoustic model of step %d", self.adopted)

    def centre(self) -> None:
        """Remove the mean error of the contours of a trained prosody network."""
        if isinstance(self.recipe, ProsodyRecipe):
            cents = self.recipe.centre(cast("Prosody", self.average))
            _LOG.info("contours lay %.1f cents high", cents)
            self.centred = True

    def begin_from(self, source: "Source") -> None:
        """Copy the weights of another voice, whose networks have the same sizes.

        The acoustic model is the one that was trained on inside that voice. Pitch statistics stay
        those of the new recordings.
        """
        stage = "prosody" if isinstance(self.recipe, ProsodyRecipe) else "voice"
        weights = source.weights(stage)
        if isinstance(self.recipe, AcousticRecipe):
            part = "acoustic."
            weights = {k.removeprefix(part): v for k, v in weights.items() if k.startswith(part)}
        for model in (self.recipe.model, self.average):
            own = {k: v for k, v in model.state_dict().items() if k.startswith("pitch_")}
            model.load_state_dict(weights | own)
        if self.recipe.judges is not None and (judges := source.judges(self.recipe.config)):
            self.recipe.judges.load_state_dict(judges)
        _LOG.info("starting from the weights of %s", source.path)

    def advance(self) -> dict[str, torch.Tensor]:
        """Take one step and update the averaged weights."""
        rate = learning_rate(self.step, self.recipe.steps, self.recipe.rate)
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate * group.get("share", 1.0)
        if self.step >= NOISELESS * self.recipe.steps:
            for module in self.recipe.model.modules():
                if isinstance(module, nn.Dropout):
                    module.p = 0.0
        losses = self.recipe.step(self.step, self.optimisers)
        self.step += 1
        self.centred = False
        keep = min(AVERAGE, self.step / (self.step + 50))
        with torch.no_grad():
            averaged: list[torch.Tensor] = list(self.average.parameters())
            newest: list[torch.Tensor] = list(self.recipe.model.parameters())
            torch._foreach_lerp_(averaged, newest, 1 - keep)
        return losses

    def validate(self, clips: list[data.Clip]) -> dict[str, float]:
        """Return the averaged model's losses on ``clips``."""
        own = self.recipe.model
        self.recipe.model = self.average
        try:
            return self.recipe.validate(clips)
        finally:
            self.recipe.model = own


@contextmanager
def interruptible() -> Iterator[list[int]]:
    """Collect SIGTERM and SIGINT in a list inside the block, instead of ending the process."""
    stop: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: stop.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(
    training: Training,
    folder: Path,
    development: list[data.Clip],
    until: float,
    stop: list[int],
) -> None:
    """Train to the end of the schedule or for ``until`` seconds; write a checkpoint.

    A signal in ``stop`` ends the run after the current step.
    """
    log = (folder / "log.jsonl").open("a", encoding="utf-8")
    started = saved = time.time()
    sums: dict[str, torch.Tensor] = {}
    bar = tqdm(
        desc=folder.name,
        total=training.recipe.steps,
        initial=training.step,
        unit="step",
        mininterval=10,
    )
    since = 0
    while training.step < training.recipe.steps and time.time() - started < until and not stop:
        for name, value in training.advance().items():
            sums[name] = value.detach() + sums.get(name, 0.0)
        since += 1
        bar.update()
        now = time.time()
        if training.step % 100 == 0:
            means = {name: round(float(value) / since, 4) for name, value in sums.items()}
            row: dict[str, Any] = {"step": training.step, "time": round(now, 1), **means}
            if training.step % 500 == 0:
                row["held"] = {k: round(v, 4) for k, v in training.validate(development).items()}
            log.write(json.dumps(row) + "\n")
            log.flush()
            bar.set_postfix({k: v for k, v in row.items() if k not in ("step", "time")})
            sums, since = {}, 0
        if now - saved > CHECKPOINT_SECONDS:
            save(folder / "last.pt", training.state())
            saved = now
    save(folder / "last.pt", training.state())
    bar.close()
    log.close()
    _LOG.info("step %d of %d", training.step, training.recipe.steps)


def fitted(config: Config, count: int) -> Config:
    """Return ``config`` with batches of at most ``count`` clips."""
    return dataclasses.replace(
        config,
        prosody_batch=min(config.prosody_batch, count),
        acoustic_batch=min(config.acoustic_batch, count),
        batch=min(config.batch, count),
    )


def with_steps(config: Config, steps: Sequence[int] | None) -> Config:
    """Return ``config`` with schedules of one length, or of three lengths, if they are given."""
    if not steps:
        return config
    prosody, acoustic, voice = [*steps] * (3 // len(steps))
    return dataclasses.replace(config, prosody_steps=prosody, acoustic_steps=acoustic, steps=voice)


def is_finished(stage: str, work: Path, config: Config) -> bool:
    """Return whether a stage was trained to its end, and centred if it is the prosody."""
    if not (work / stage / "last.pt").exists():
        return False
    state = checkpoint(work, stage)
    steps = {
        "prosody": config.prosody_steps, "acoustic": config.acoustic_steps, "voice": config.steps
    }  # fmt: skip
    centred: bool = stage != "prosody" or state.get("centred", False)
    return centred and state["step"] >= steps[stage]


def train(
    stage: str,
    work: Path,
    config: Config,
    *,
    seed: int = 1,
    device: str = "auto",
    minutes: float = math.inf,
    source: "Source | None" = None,
) -> bool:
    """Start or continue one stage; return whether the next may begin.

    That is so if it was trained to its end and no signal asked to stop meanwhile. It starts from
    the weights of the voice ``source``, if one is given.
    """
    if is_finished(stage, work, config):
        _LOG.info("%s is trained to its end already", stage)
        return True
    with interruptible() as stop:
        torch.manual_seed(seed)
        folder = work / stage
        folder.mkdir(parents=True, exist_ok=True)
        on = device_of(device)
        clips = data.load(work, on, held_out=False, stage=stage)
        # some training clips only control the training; the held-out clips are not used here
        development = clips[:: data.STEERING]
        clips = [clip for i, clip in enumerate(clips) if i % data.STEERING]
        training = Training(RECIPES[stage](fitted(config, len(clips)), clips, seed))
        if (folder / "last.pt").exists():
            training.restore(torch.load(folder / "last.pt", map_location="cpu", weights_only=False))
            _LOG.info("going on from step %d", training.step)
        elif source:
            training.begin_from(source)
        acoustic = work / "acoustic" / "last.pt"
        if stage == "voice" and acoustic.exists():
            training.adopt(torch.load(acoustic, map_location="cpu", weights_only=False))
        count = sum(p.numel() for p in training.recipe.model.parameters())
        facts = (stage, on, count / 1e6, len(clips))
        _LOG.info("%s on %s: %.2f M parameters, %d clips", *facts)
        nn.Module.train(training.recipe.model)
        run(training, folder, development, minutes * 60, stop)
        finished = training.step >= training.recipe.steps
        if stage == "prosody" and finished:
            training.centre()
            save(folder / "last.pt", training.state())
        return finished and not stop


def main(arguments: Sequence[str] | None = None) -> None:
    """Start or continue training, with a checkpoint every five minutes.

    The exit status is EX_TEMPFAIL until the schedule has been trained to its end.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=sorted(RECIPES))
    parser.add_argument("--work", type=Path, required=True, help="folder with features.pt")
    parser.add_argument("--config", choices=sorted(CONFIGS), default="small")
    parser.add_argument("--steps", type=int, help="length of the whole schedule")
    parser.add_argument("--minutes", type=float, default=math.inf, help="length of this sitting")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    if options.threads:
        torch.set_num_threads(options.threads)
    described = description.load(options.work) or description.EMBEDDED
    config = with_steps(CONFIGS[options.config], [options.steps] if options.steps else None)
    config = dataclasses.replace(config, sample_rate=described.sample_rate)
    if not train(
        options.stage,
        options.work,
        config,
        seed=options.seed,
        device=options.device,
        minutes=options.minutes,
    ):
        raise SystemExit(INTERRUPTED)


if __name__ == "__main__":
    main()
