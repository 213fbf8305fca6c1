"""What every run says of itself, and what follows from that."""

from harness.quantities.quantity import Quantity, accuracy, gap, loss, megabytes, seconds

# Of every run, of those that are watched, that borrow features, and that search.
TRAINING: dict[str, Quantity] = {
    "test_accuracy": accuracy("test accuracy", by="training"),
    "test_loss": loss("test loss", by="training", why="The cross-entropy on pictures that nothing was chosen on."),
    "test_cross_entropy": loss(
        "test cross-entropy",
        by="training",
        why="It asks for honest probabilities as well as for the right class: being sure and wrong costs most.",
    ),
    "best_epoch": Quantity(
        "best epoch", difference_unit="epochs", digits=1, least=0, kind="whole", step="evaluation", by="training"
    ),
    "best_validation_accuracy": accuracy(
        "best validation accuracy",
        by="training",
        why=(
            "The best epoch on validation is the one whose weights are kept; the test pictures take no part in "
            "that choice."
        ),
    ),
    "best_validation_loss": loss("best validation loss", by="training"),
    "final_train_accuracy": accuracy(
        "final train accuracy",
        by="training",
        why="What is known of the pictures trained on. Low here and low on test is too little learned, not too much.",
    ),
    "final_train_loss": loss(
        "final train loss",
        by="training",
        why=(
            "What optimization alone achieves, without asking how well it carries over. A net that can't lower it "
            "has a problem that more data doesn't mend."
        ),
    ),
    "final_validation_accuracy": accuracy("final validation accuracy", by="training"),
    "final_validation_loss": loss("final validation loss", by="training"),
    "evaluations": Quantity("evaluations", least=0, kind="whole", by="training"),
    "steps": Quantity(
        "steps",
        unit="steps",
        difference_unit="steps",
        digits=0,
        least=0,
        kind="whole",
        unfinished="kept",
        by="training",
        why="Updates that were made. Stopping early saves those that validation had no more use for.",
    ),
    "parameters": Quantity(
        "parameters",
        digits=0,
        least=0,
        kind="whole",
        scatters="never",
        unfinished="kept",
        by="training",
        why="The numbers that are learned: what has to be stored, and what can be used to learn by heart.",
    ),
    "train_seconds": seconds(
        "training time",
        by="training",
        why=(
            "The time of the updates alone, on whatever this machine was doing; compare it within a study, not "
            "between machines."
        ),
    ),
    "evaluation_seconds": seconds("evaluation time", by="training"),
    "images_per_second": Quantity(
        "pictures per second",
        unit="/s",
        difference_unit="/s",
        digits=0,
        better="higher",
        least=0,
        scatters="clock",
        unfinished="kept",
        by="training",
    ),
    "peak_memory_bytes": megabytes("peak memory", digits=0, scatters="clock", by="training"),
    "probe_seconds": seconds("probe time", by="watching"),
    "pretraining_seconds": seconds(
        "pretraining time", by="transfer", why="What the weights taken over cost before, which their user doesn't see."
    ),
    "pretraining_steps": Quantity("pretraining steps", kind="whole", by="transfer"),
    "trials": Quantity("trials", kind="whole", by="search"),
    "found_learning_rate": Quantity("found learning rate", by="search"),
    "found_l2_strength": Quantity("found l2 strength", by="search"),
}

# What follows from several runs of a study, or from the curves of one: harness/analysis computes it.
ANALYSIS: dict[str, Quantity] = {
    "epochs_to_target": Quantity(
        "epochs to target",
        unit="epochs",
        difference_unit="epochs",
        digits=1,
        better="lower",
        least=0,
        kind="whole",
        step="evaluation",
        unfinished="bound",
        by="analysis",
        why=(
            "How soon a given validation accuracy is reached. A run that never got there counts as one epoch more "
            "than was trained, so its true value is larger."
        ),
    ),
    "generalisation_gap": gap(
        "generalisation gap",
        better="lower",
        by="analysis",
        why=(
            "Accuracy on the pictures trained on, less that on validation: what was learned by heart. It also "
            "shrinks where hardly anything is learned, so read it beside the accuracy."
        ),
    ),
    "diverged": Quantity(
        "share of runs that did not finish",
        unit="%",
        difference_unit="points",
        scale=100,
        digits=0,
        better="lower",
        least=0,
        most=1,
        kind="event",
        unfinished="kept",
        by="analysis",
        why="Where a step overshoots the valley that it came from, the next gradient and the next step are larger.",
    ),
    "loss_over_guessing": Quantity(
        "last training loss over that of guessing",
        digits=2,
        better="lower",
        least=0,
        by="analysis",
        why=(
            "At 1 the net knows as much as one that guesses; far above it, it is sure and wrong, as after an explosion."
        ),
    ),
    "regret": gap(
        "regret against the best level",
        better="lower",
        unfinished="kept",
        by="analysis",
        why="What is lost against the best level of the same context, seed by seed: the price of not having tuned.",
    ),
    "accuracy_over_chance": gap(
        "test accuracy above guessing",
        better="higher",
        by="analysis",
        why="At 0 the net is right as often as one that guesses.",
    ),
    "accuracy_deviation": gap(
        "distance of test accuracy from the median of the seeds",
        better="lower",
        by="analysis",
        why=(
            "Two trainings that differ in their pictures alone should end alike. What is erratic ends now far "
            "above, now far below the middle one."
        ),
    ),
    "validation_loss_rise": Quantity(
        "rise of the validation loss from its lowest to the end",
        digits=3,
        least=0,
        by="analysis",
        why="From some epoch on, what is still learned holds for the training pictures alone.",
    ),
    "train_loss_since_lowest": Quantity(
        "change of the training loss since the validation loss was lowest",
        digits=3,
        better="lower",
        by="analysis",
        why="Below zero, training goes on while validation no longer gains by it.",
    ),
    "loss_at_equal_seconds": Quantity(
        "training loss after equal seconds",
        digits=3,
        better="lower",
        least=0,
        scatters="clock",
        by="analysis",
        why=(
            "One step of many pictures costs as much as many steps of few; what counts is how far they come in "
            "the same time."
        ),
    ),
    "highest_rate_log10": Quantity(
        "highest rate within 5 points of the best, power of ten",
        digits=2,
        better="higher",
        step=0.5,
        unfinished="kept",
        by="analysis",
        why="Norms keep signals in size whatever a step did to the weights, so that longer steps do no harm.",
    ),
    "scale_spread_to_control": gap(
        "spread of accuracy over initial weights, less that of the control",
        better="lower",
        unfinished="kept",
        by="analysis",
        why=(
            "Behind a norm the size of the weights cancels, so that the start matters less. Below zero the level "
            "depends on it less than the control."
        ),
    ),
    "equal_l2_strength": Quantity(
        "strength of the L2 penalty with the same weight norm",
        least=0,
        by="analysis",
        why=(
            "The less time weights have to grow, the smaller they stay, as under a penalty: this is how strong "
            "that penalty would be."
        ),
    ),
    "gain_over_equal_l2": gap(
        "validation accuracy, less that of the L2 penalty with the same weight norm",
        better="higher",
        by="analysis",
        why=(
            "If stopping early is a penalty in disguise, nets with equally large weights are equally good, and "
            "this is zero."
        ),
    ),
    "expected_best_accuracy": accuracy(
        "expected best accuracy",
        by="analysis",
        why=(
            "A grid tries few values of each setting many times over; random trials try another value each time. "
            "The best of few trials tells which finds good ones sooner."
        ),
    ),
    "survivor_agreement": Quantity(
        "agreement of surviving weights between seeds, kappa",
        digits=2,
        most=1,
        by="analysis",
        why=(
            "Of weights that serve alike, L1 keeps one, whichever the pictures favour; the square in an elastic "
            "net shares between them. 1 is full agreement, 0 that of chance."
        ),
    ),
}
