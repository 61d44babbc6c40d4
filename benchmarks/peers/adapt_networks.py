"""Networks of adapt (``pip install adapt tensorflow-cpu``), for adaptation.py.

All get what ours get: rows standardised domain by domain, class weights, the labelled
source and the unlabelled half of the target. The networks are those given to skada's: a
body of two hidden layers, a critic of one; 60 epochs.
"""

import numpy as np
from sklearn.preprocessing import StandardScaler

N_HIDDEN = 64
MAX_EPOCHS = 60
BATCH_SIZE = 32
WEIGHT = 0.1  # of the adversarial loss


def _layers(keras, n_inputs, units, activation):
    layers = [keras.Input((n_inputs,))]
    for n_units, name in zip(units, activation, strict=True):
        layers.append(keras.layers.Dense(int(n_units), activation=name))
    return keras.Sequential(layers)


def _body(keras, n_features):
    return keras.Sequential(
        [
            keras.Input((n_features,)),
            keras.layers.Dense(N_HIDDEN, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(N_HIDDEN, activation="relu"),
        ]
    )


def adapt_network(task, name):
    """Probabilities and features of the target's test rows; None with target labels."""
    if (task.seen >= 0).any():
        return None
    import tensorflow as tf
    from adapt import feature_based

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras = tf.keras
    keras.utils.set_random_seed(task.seed)
    target = StandardScaler().fit(task.X_adapt)
    Z_source = StandardScaler().fit_transform(task.X_source).astype(np.float32)
    Z_adapt = target.transform(task.X_adapt).astype(np.float32)
    Z_test = target.transform(task.X_test).astype(np.float32)
    y, n = np.asarray(task.y_source, int), int(task.n_classes)
    weights = (len(y) / (n * np.bincount(y, minlength=n).clip(1))).astype(np.float32)

    def loss(truth, predicted):
        log = tf.math.log(tf.clip_by_value(predicted, 1e-7, 1.0))
        return -tf.reduce_sum(truth * weights * log, axis=-1)

    how = {
        "encoder": _body(keras, Z_source.shape[1]),
        "task": _layers(keras, N_HIDDEN, [n], ["softmax"]),
        "loss": loss,
        "optimizer": keras.optimizers.AdamW(1e-3, weight_decay=1e-2),
        "lambda_": WEIGHT,
        "random_state": task.seed,
        "verbose": 0,
    }
    if name in ("DANN", "CDAN"):
        n_inputs = N_HIDDEN * (n if name == "CDAN" else 1)
        how["discriminator"] = _layers(keras, n_inputs, [100, 1], ["relu", "sigmoid"])
    model = getattr(feature_based, name)(Xt=Z_adapt, **how)
    model.fit(
        Z_source,
        np.eye(n, dtype=np.float32)[y],
        epochs=MAX_EPOCHS,
        batch_size=min(BATCH_SIZE, len(y), len(Z_adapt)),
        verbose=0,
    )
    features = tuple(np.asarray(model.transform(Z)) for Z in (Z_source, Z_test))
    return np.asarray(model.predict(Z_test)), features
