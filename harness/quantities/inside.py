"""What probes see inside the net: units, weights, gradients, updates."""

from harness.quantities.quantity import Quantity, share

INSIDE: dict[str, Quantity] = {
    "start_activation_mean": Quantity(
        "mean output of nonlinearities before training",
        unfinished="kept",
        by="probe:activations",
        why=(
            "Sigmoid's outputs lie around one half before anything is learned; those of a centred nonlinearity "
            "around zero."
        ),
    ),
    "start_activation_offset": Quantity("start activation offset", unfinished="kept", by="probe:activations"),
    "start_activation_std_first": Quantity("start activation std first", unfinished="kept", by="probe:activations"),
    "start_activation_std_last": Quantity("start activation std last", unfinished="kept", by="probe:activations"),
    "start_activation_std_growth": Quantity(
        "spread of activations from layer to layer, factor",
        digits=2,
        least=0,
        unfinished="kept",
        by="probe:activations",
        why=(
            "A layer multiplies the spread of its input by about the same factor each time. Below 1 the signal "
            "dies out over many layers, above 1 it explodes."
        ),
    ),
    "start_saturated_share": share(
        "saturated outputs before training",
        unfinished="kept",
        by="probe:activations",
        why="Large weights make large inputs, and large inputs lie where tanh is flat.",
    ),
    "start_dead_share": share("start dead share", unfinished="kept", by="probe:activations"),
    "activation_mean": Quantity("activation mean", by="probe:activations"),
    "activation_offset": Quantity(
        "mean output of a layer, without its sign",
        least=0,
        by="probe:activations",
        why=(
            "Outputs that are all positive push the next layer's inputs away from zero, where it has to unlearn a "
            "shift before it learns anything else."
        ),
    ),
    "activation_std_first": Quantity("activation std first", by="probe:activations"),
    "activation_std_last": Quantity("activation std last", by="probe:activations"),
    "activation_std_growth": Quantity("activation std growth", by="probe:activations"),
    "saturated_share": share(
        "saturated outputs",
        by="probe:activations",
        why="Where a sigmoid or tanh is flat, its slope is close to zero, and so is the gradient that it passes on.",
    ),
    "dead_share": share(
        "dead units",
        by="probe:activations",
        why=(
            "A ReLU that is 0 on every picture passes no gradient, so nothing can wake it. A slope below zero, as "
            "in leaky ReLU, keeps a way back."
        ),
    ),
    "start_layer_gain": Quantity(
        "root mean square from input to output of a layer, factor",
        digits=2,
        least=0,
        unfinished="kept",
        by="probe:gain",
        why=(
            "The variance of the weights was derived so that a layer neither shrinks nor grows its signal: a "
            "factor of 1. ReLU halves the mean square, for which He's formula makes up and Xavier's doesn't."
        ),
    ),
    "start_gradient_norm_first_layer": Quantity(
        "start gradient norm first layer", unfinished="kept", by="probe:gradients"
    ),
    "start_gradient_norm_last_layer": Quantity(
        "start gradient norm last layer", unfinished="kept", by="probe:gradients"
    ),
    "start_gradient_ratio": Quantity(
        "first gradient, first layer over last", least=0, unfinished="kept", by="probe:gradients"
    ),
    "start_gradient_ratio_log10": Quantity(
        "first gradient, first layer over last, power of ten",
        digits=2,
        unfinished="kept",
        by="probe:gradients",
        why=(
            "The gradient passes all layers on its way to the first one and is multiplied by each slope. At 0 the "
            "first layer gets as much as the last, at -3 a thousandth."
        ),
    ),
    "gradient_ratio": Quantity("gradient, first layer over last", least=0, by="probe:gradients"),
    "start_sign_agreement_share": share(
        "weight gradients of a unit with one sign",
        unfinished="kept",
        by="probe:gradients",
        why=(
            "Where all inputs of a unit are positive, all its weight gradients have the sign of one number, so "
            "its weights can only go up together or down together."
        ),
    ),
    "sign_agreement_share": share("sign agreement share", by="probe:gradients"),
    "large_weights_saturated_share": share(
        "saturated outputs of the net with large weights",
        unfinished="kept",
        by="probe:saturation",
        why="Weights this large push most inputs to where sigmoid and tanh are flat.",
    ),
    "saturated_gradient_share": share(
        "gradient at saturated units over that at the others of their layer",
        unfinished="kept",
        by="probe:saturation",
        why=(
            "The gradient is multiplied by the slope of the nonlinearity, which is next to zero where a unit is "
            "saturated."
        ),
    ),
    "start_identical_unit_share": share("start identical unit share", unfinished="kept", by="probe:symmetry"),
    "identical_unit_share": share(
        "identical units",
        scatters="never",
        by="probe:symmetry",
        why="Units that start equal get equal gradients and stay equal, so a layer of them does the work of one.",
    ),
    "no_gradient_share": share(
        "units without gradient from any training picture",
        better="lower",
        by="probe:units",
        why=(
            "A unit that is flat on every training picture gets no gradient, so nothing can bring it back. A "
            "slope below zero, as in leaky ReLU, keeps a way back."
        ),
    ),
    "update_ratio_log10": Quantity(
        "update over weight size, power of ten",
        digits=2,
        by="probe:updates",
        why=(
            "Updates far below a thousandth of the weights hardly move them; far above, they overwrite what was "
            "learned."
        ),
    ),
    "first_update_per_rate": Quantity(
        "first update over learning rate",
        digits=2,
        least=0,
        unfinished="kept",
        by="probe:updates",
        why=(
            "Both moments of Adam start at zero. Corrected for that, the first update moves every weight by the "
            "learning rate; uncorrected, it is off by a constant factor."
        ),
    ),
    "effective_step_growth": Quantity(
        "effective step, last epoch over first",
        digits=2,
        least=0,
        by="probe:updates",
        why=(
            "A rule that divides by the sum of all past gradients takes ever smaller steps; one that divides by a "
            "running mean forgets old gradients and goes on."
        ),
    ),
    "start_weight_norm": Quantity("start weight norm", unfinished="kept", by="probe:weights"),
    "start_near_zero_share": share("start near zero share", unfinished="kept", by="probe:weights"),
    "start_negligible_share": share("start negligible share", unfinished="kept", by="probe:weights"),
    "weight_norm": Quantity(
        "weight norm",
        least=0,
        by="probe:weights",
        why=(
            "A penalty pulls every weight towards zero, and stopping early leaves it less time to grow: both hold "
            "the net near where it is simple."
        ),
    ),
    "near_zero_share": share(
        "near zero share",
        by="probe:weights",
        why=(
            "The pull of an L1 penalty doesn't fade as a weight shrinks, so it ends at zero; that of L2 does, so "
            "weights end small instead."
        ),
    ),
    "negligible_share": share("negligible share", by="probe:weights"),
    "best_weight_norm": Quantity(
        "best weight norm",
        by="probe:weights",
        why="The weights that are judged, those of the best epoch on validation; they grow while training goes on.",
    ),
    "best_near_zero_share": share("best near zero share", by="probe:weights"),
    "best_negligible_share": share("best negligible share", by="probe:weights"),
    "surviving_share": share("surviving share", by="probe:survivors"),
}
