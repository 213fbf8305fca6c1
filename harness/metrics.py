"""The metrics that a run has whatever watches it; those of a probe stand in its class."""

# What the loop records.
RECORDED = (
    "test_accuracy",
    "test_loss",
    "test_cross_entropy",
    "best_epoch",
    "best_validation_accuracy",
    "best_validation_loss",
    "final_train_accuracy",
    "final_train_loss",
    "final_validation_accuracy",
    "final_validation_loss",
    "evaluations",
    "steps",
    "parameters",
    "train_seconds",
    "evaluation_seconds",
    "images_per_second",
    "peak_memory_bytes",
)
# Of runs that are watched, that borrow features, and that search.
SOMETIMES = (
    "probe_seconds",
    "pretraining_seconds",
    "pretraining_steps",
    "trials",
    "found_learning_rate",
    "found_l2_strength",
)
# What analysis derives from those.
DERIVED = ("epochs_to_target", "generalisation_gap", "diverged", "loss_over_guessing", "regret")
EVERY = (*RECORDED, *SOMETIMES, *DERIVED)
