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
DERIVED = (
    "epochs_to_target",
    "generalisation_gap",
    "diverged",
    "loss_over_guessing",
    "regret",
    # `harness/analysis/derived.py`: some need arms that few studies have, or arrays of a probe.
    "accuracy_over_chance",
    "accuracy_deviation",
    "validation_loss_rise",
    "train_loss_since_lowest",
    "loss_at_equal_seconds",
    "highest_rate_log10",
    "scale_spread_to_control",
    "equal_l2_strength",
    "gain_over_equal_l2",
    "expected_best_accuracy",
    "survivor_agreement",
)
EVERY = (*RECORDED, *SOMETIMES, *DERIVED)
