"""List the recipes: each creates its networks and trains them step by step."""

from training.acoustic_recipe import AcousticRecipe
from training.prosody_recipe import ProsodyRecipe
from training.voice_recipe import VoiceRecipe

Recipe = ProsodyRecipe | AcousticRecipe | VoiceRecipe
RECIPES: dict[str, type[ProsodyRecipe] | type[AcousticRecipe] | type[VoiceRecipe]] = {
    "prosody": ProsodyRecipe,
    "acoustic": AcousticRecipe,
    "voice": VoiceRecipe,
}
