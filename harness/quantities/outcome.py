"""What probes find out about the net as a whole: its answers, its costs, the paths of its update rule."""

from harness.quantities.quantity import Quantity, accuracy, gap, megabytes, milliseconds, share

OUTCOME: dict[str, Quantity] = {
    "inference_train_accuracy": accuracy(
        "inference train accuracy",
        by="probe:gap",
        why="What is known of the pictures trained on, as they are and with nothing dropped.",
    ),
    "inference_gap": gap(
        "generalisation gap in inference mode",
        better="lower",
        by="probe:gap",
        why=(
            "Dropout makes training harder than inference. To compare like with like, both accuracies are taken "
            "without it."
        ),
    ),
    "inference_loss_gap": Quantity("inference loss gap", by="probe:gap"),
    "gap_at_equal_loss": gap(
        "generalisation gap at equal training loss",
        better="lower",
        by="probe:equal_loss",
        why=(
            "A net that learns faster also overfits sooner. At equal training loss the gap says what the way "
            "there was worth."
        ),
    ),
    "training_mode_accuracy": accuracy(
        "training mode accuracy",
        by="probe:modes",
        why="Judged with the statistics of each batch, as in training, on the same pictures.",
    ),
    "inference_mode_accuracy": accuracy(
        "inference mode accuracy",
        by="probe:modes",
        why="Judged with the running statistics of training: the answer to a picture doesn't depend on its neighbours.",
    ),
    "mode_gap": gap("accuracy in training mode less in inference mode", by="probe:modes"),
    "mode_disagreement_share": share(
        "mode disagreement share",
        by="probe:modes",
        why=(
            "In training batch norm uses the batch's own mean and variance, in inference running ones. The "
            "smaller the batch, the further the two are apart."
        ),
    ),
    "start_inference_repeats_share": share("start inference repeats share", unfinished="kept", by="probe:inference"),
    "start_training_repeats_share": share(
        "start training repeats share",
        unfinished="kept",
        by="probe:inference",
        why="In training every pass drops other units, so the same picture hardly ever gives the same answer twice.",
    ),
    "inference_repeats_share": share(
        "inference repeats share",
        by="probe:inference",
        why="In inference nothing is dropped, so the same picture must give the same answer twice.",
    ),
    "training_repeats_share": share("training repeats share", by="probe:inference"),
    "brightened_accuracy": accuracy("brightened accuracy", by="probe:shift"),
    "darkened_accuracy": accuracy("darkened accuracy", by="probe:shift"),
    "paler_accuracy": accuracy("paler accuracy", by="probe:shift"),
    "noisy_accuracy": accuracy(
        "noisy accuracy", by="probe:shift", why="The test pictures with noise that no net was trained on."
    ),
    "accuracy_lost_to_shift": gap(
        "accuracy lost on pictures brightened, darkened, made paler or noisy",
        better="lower",
        by="probe:shift",
        why="A net knows the pictures it was shown. Change light, contrast or noise, and it has to guess beyond them.",
    ),
    "accuracy_lost_to_noise": gap(
        "accuracy lost to noise on the pictures",
        better="lower",
        by="probe:shift",
        why="Noise moves every input a little. A unit on a flat part of its nonlinearity passes less of that on.",
    ),
    "loss_range_along_gradient": Quantity(
        "loss range along gradient",
        least=0,
        by="probe:smoothness",
        why=(
            "How much the loss varies on a step along its own gradient. The less, the longer a step the gradient "
            "can be trusted for."
        ),
    ),
    "step_seconds": milliseconds("time of one step", by="probe:timing"),
    "step_cost": Quantity(
        "time of a step, over that with ReLU and no norm",
        digits=2,
        better="lower",
        least=0,
        scatters="clock",
        unfinished="kept",
        by="probe:timing",
        why="The time of a whole step beside that of a net with ReLU and no normalisation.",
    ),
    "backward_memory_bytes": megabytes(
        "memory kept for the backward pass",
        digits=1,
        scatters="never",
        by="probe:timing",
        why=(
            "The way back needs what the way forward computed. Each layer between, a normalising one too, keeps "
            "its input."
        ),
    ),
    "inference_seconds": milliseconds("inference per picture", by="probe:timing"),
    "activation_op_seconds": milliseconds("nonlinearity alone", by="probe:timing"),
    "activation_op_cost": Quantity(
        "time of the nonlinearity alone, over that of ReLU",
        digits=2,
        better="lower",
        least=0,
        scatters="clock",
        unfinished="kept",
        by="probe:timing",
        why="An exponential costs more than a maximum; this is the nonlinearity without the net.",
    ),
    "batch_cost_exponent": Quantity(
        "exponent of a step's time over its pictures",
        digits=2,
        scatters="clock",
        unfinished="kept",
        by="probe:batch_cost",
        why=(
            "The slope of time over pictures, both logarithmic. A full-batch step adds up one gradient per "
            "picture: 1 is a cost in proportion, 2 a quadratic one."
        ),
    ),
    "valley_steps": Quantity(
        "steps to the lowest point of the valley",
        digits=0,
        better="lower",
        least=0,
        unfinished="kept",
        by="probe:surfaces",
        why="A rate that is safe across the valley is slow along it; velocity adds up along and cancels across.",
    ),
    "valley_across_log10": Quantity(
        "steps across the valley, power of ten of plain descent's",
        digits=2,
        unfinished="kept",
        by="probe:surfaces",
        why=(
            "Dividing each weight's step by its past slopes shortens it where slopes were large. 0 is a step as "
            "plain descent takes it."
        ),
    ),
    "valley_along_log10": Quantity(
        "steps along the valley, power of ten of plain descent's",
        digits=2,
        unfinished="kept",
        by="probe:surfaces",
        why="Where slopes were small, the same division lengthens steps. 0 is a step as plain descent takes it.",
    ),
    "saddle_steps": Quantity(
        "steps to leave the saddle",
        digits=1,
        better="lower",
        least=0,
        unfinished="kept",
        by="probe:surfaces",
        why="At a saddle the slope vanishes. Velocity from before, and slopes that add up, carry a path off it.",
    ),
    "lowest_hollow_share": share(
        "paths that end in the lowest of many hollows",
        unfinished="kept",
        by="probe:surfaces",
        why="A rule stops in the hollow it falls into, unless speed or a long step carries it out again.",
    ),
    "noisy_valley_log10": Quantity(
        "height at the end of the valley under noise, power of ten",
        digits=2,
        better="lower",
        unfinished="kept",
        by="probe:surfaces",
        why=(
            "Steps along a noisy slope keep a path above the lowest point. A mean over past slopes cancels some "
            "of the noise."
        ),
    ),
}
