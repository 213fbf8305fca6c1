"""Why a metric says something: the mechanism behind it, one or two sentences under its figure.

To add one, name the metric in `WHY`. A metric that isn't named gets no such sentence.
"""

WHY: dict[str, str] = {
    "accuracy_deviation": (
        "Two trainings that differ in their pictures alone should end alike. What is erratic ends now far above, now "
        "far below the middle one."
    ),
    "accuracy_lost_to_noise": (
        "Noise moves every input a little. A unit on a flat part of its nonlinearity passes less of that on."
    ),
    "accuracy_lost_to_shift": (
        "A net knows the pictures it was shown. Change light, contrast or noise, and it has to guess beyond them."
    ),
    "accuracy_over_chance": "At 0 the net is right as often as one that guesses.",
    "activation_offset": (
        "Outputs that are all positive push the next layer's inputs away from zero, where it has to unlearn a shift "
        "before it learns anything else."
    ),
    "activation_op_cost": "An exponential costs more than a maximum; this is the nonlinearity without the net.",
    "backward_memory_bytes": (
        "The way back needs what the way forward computed. Each layer between, a normalising one too, keeps its input."
    ),
    "batch_cost_exponent": (
        "The slope of time over pictures, both logarithmic. A full-batch step adds up one gradient per picture: "
        "1 is a cost in proportion, 2 a quadratic one."
    ),
    "best_validation_accuracy": (
        "The best epoch on validation is the one whose weights are kept; the test pictures take no part in that choice."
    ),
    "best_weight_norm": (
        "The weights that are judged, those of the best epoch on validation; they grow while training goes on."
    ),
    "dead_share": (
        "A ReLU that is 0 on every picture passes no gradient, so nothing can wake it. A slope below zero, as in leaky "
        "ReLU, keeps a way back."
    ),
    "diverged": "Where a step overshoots the valley that it came from, the next gradient and the next step are larger.",
    "effective_step_growth": (
        "A rule that divides by the sum of all past gradients takes ever smaller steps; one that divides by a running "
        "mean forgets old gradients and goes on."
    ),
    "epochs_to_target": (
        "How soon a given validation accuracy is reached. A run that never got there counts as one epoch more than was "
        "trained, so its true value is larger."
    ),
    "equal_l2_strength": (
        "The less time weights have to grow, the smaller they stay, as under a penalty: this is how strong that "
        "penalty would be."
    ),
    "expected_best_accuracy": (
        "A grid tries few values of each setting many times over; random trials try another value each time. The best"
        " of few trials tells which finds good ones sooner."
    ),
    "final_train_accuracy": (
        "What is known of the pictures trained on. Low here and low on test is too little learned, not too much."
    ),
    "final_train_loss": (
        "What optimization alone achieves, without asking how well it carries over. A net that can't lower it has a "
        "problem that more data doesn't mend."
    ),
    "first_update_per_rate": (
        "Both moments of Adam start at zero. Corrected for that, the first update moves every weight by the learning "
        "rate; uncorrected, it is off by a constant factor."
    ),
    "gain_over_equal_l2": (
        "If stopping early is a penalty in disguise, nets with equally large weights are equally good, and this is "
        "zero."
    ),
    "gap_at_equal_loss": (
        "A net that learns faster also overfits sooner. At equal training loss the gap says what the way there was "
        "worth."
    ),
    "generalisation_gap": (
        "Accuracy on the pictures trained on, less that on validation: what was learned by heart. It also shrinks "
        "where hardly anything is learned, so read it beside the accuracy."
    ),
    "highest_rate_log10": (
        "Norms keep signals in size whatever a step did to the weights, so that longer steps do no harm."
    ),
    "identical_unit_share": (
        "Units that start equal get equal gradients and stay equal, so a layer of them does the work of one."
    ),
    "inference_gap": (
        "Dropout makes training harder than inference. To compare like with like, both accuracies are taken without it."
    ),
    "inference_mode_accuracy": (
        "Judged with the running statistics of training: the answer to a picture doesn't depend on its neighbours."
    ),
    "inference_repeats_share": "In inference nothing is dropped, so the same picture must give the same answer twice.",
    "inference_train_accuracy": "What is known of the pictures trained on, as they are and with nothing dropped.",
    "large_weights_saturated_share": "Weights this large push most inputs to where sigmoid and tanh are flat.",
    "loss_at_equal_seconds": (
        "One step of many pictures costs as much as many steps of few; what counts is how far they come in the same "
        "time."
    ),
    "loss_over_guessing": (
        "At 1 the net knows as much as one that guesses; far above it, it is sure and wrong, as after an explosion."
    ),
    "loss_range_along_gradient": (
        "How much the loss varies on a step along its own gradient. The less, the longer a step the gradient can be "
        "trusted for."
    ),
    "lowest_hollow_share": (
        "A rule stops in the hollow it falls into, unless speed or a long step carries it out again."
    ),
    "mode_disagreement_share": (
        "In training batch norm uses the batch's own mean and variance, in inference running ones. The smaller the "
        "batch, the further the two are apart."
    ),
    "near_zero_share": (
        "The pull of an L1 penalty doesn't fade as a weight shrinks, so it ends at zero; that of L2 does, so weights "
        "end small instead."
    ),
    "no_gradient_share": (
        "A unit that is flat on every training picture gets no gradient, so nothing can bring it back. A slope below "
        "zero, as in leaky ReLU, keeps a way back."
    ),
    "noisy_accuracy": "The test pictures with noise that no net was trained on.",
    "noisy_valley_log10": (
        "Steps along a noisy slope keep a path above the lowest point. A mean over past slopes cancels some of the "
        "noise."
    ),
    "parameters": "The numbers that are learned: what has to be stored, and what can be used to learn by heart.",
    "pretraining_seconds": "What the weights taken over cost before, which their user doesn't see.",
    "regret": "What is lost against the best level of the same context, seed by seed: the price of not having tuned.",
    "saddle_steps": (
        "At a saddle the slope vanishes. Velocity from before, and slopes that add up, carry a path off it."
    ),
    "saturated_gradient_share": (
        "The gradient is multiplied by the slope of the nonlinearity, which is next to zero where a unit is saturated."
    ),
    "saturated_share": (
        "Where a sigmoid or tanh is flat, its slope is close to zero, and so is the gradient that it passes on."
    ),
    "scale_spread_to_control": (
        "Behind a norm the size of the weights cancels, so that the start matters less. Below zero the level depends "
        "on it less than the control."
    ),
    "start_activation_mean": (
        "Sigmoid's outputs lie around one half before anything is learned; those of a centred nonlinearity around zero."
    ),
    "start_activation_std_growth": (
        "A layer multiplies the spread of its input by about the same factor each time. Below 1 the signal dies out "
        "over many layers, above 1 it explodes."
    ),
    "start_gradient_ratio_log10": (
        "The gradient passes all layers on its way to the first one and is multiplied by each slope. At 0 the first "
        "layer gets as much as the last, at -3 a thousandth."
    ),
    "start_layer_gain": (
        "The variance of the weights was derived so that a layer neither shrinks nor grows its signal: a factor of 1. "
        "ReLU halves the mean square, for which He's formula makes up and Xavier's doesn't."
    ),
    "start_saturated_share": "Large weights make large inputs, and large inputs lie where tanh is flat.",
    "start_sign_agreement_share": (
        "Where all inputs of a unit are positive, all its weight gradients have the sign of one number, so its weights "
        "can only go up together or down together."
    ),
    "start_training_repeats_share": (
        "In training every pass drops other units, so the same picture hardly ever gives the same answer twice."
    ),
    "step_cost": "The time of a whole step beside that of a net with ReLU and no normalisation.",
    "steps": "Updates that were made. Stopping early saves those that validation had no more use for.",
    "survivor_agreement": (
        "Of weights that serve alike, L1 keeps one, whichever the pictures favour; the square in an elastic net "
        "shares between them. 1 is full agreement, 0 that of chance."
    ),
    "test_cross_entropy": (
        "It asks for honest probabilities as well as for the right class: being sure and wrong costs most."
    ),
    "test_loss": "The cross-entropy on pictures that nothing was chosen on.",
    "train_loss_since_lowest": "Below zero, training goes on while validation no longer gains by it.",
    "train_seconds": (
        "The time of the updates alone, on whatever this machine was doing; compare it within a study, not between "
        "machines."
    ),
    "training_mode_accuracy": "Judged with the statistics of each batch, as in training, on the same pictures.",
    "update_ratio_log10": (
        "Updates far below a thousandth of the weights hardly move them; far above, they overwrite what was learned."
    ),
    "validation_loss_rise": "From some epoch on, what is still learned holds for the training pictures alone.",
    "valley_across_log10": (
        "Dividing each weight's step by its past slopes shortens it where slopes were large. 0 is a step as plain "
        "descent takes it."
    ),
    "valley_along_log10": (
        "Where slopes were small, the same division lengthens steps. 0 is a step as plain descent takes it."
    ),
    "valley_steps": (
        "A rate that is safe across the valley is slow along it; velocity adds up along and cancels across."
    ),
    "weight_norm": (
        "A penalty pulls every weight towards zero, and stopping early leaves it less time to grow: both hold the net "
        "near where it is simple."
    ),
}
