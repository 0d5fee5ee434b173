"""The papers' frozen recipe as Keras does it; run by ``bench.training`` with the Python of the peer.

The backbone is computed anew in every epoch, in batches of 15 from a generator (Paruchuri 2022).
"""

import argparse
import json
from pathlib import Path
from typing import Any

import tensorflow as tf
from safetensors.numpy import load_file

BATCH, SIDE = 15, 224


def backbone(weights: Path) -> Any:
    """Return Keras' VGG16 with the numbers of ours, frozen."""
    model = tf.keras.applications.VGG16(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))
    state = load_file(weights)
    names = sorted({int(name.split(".")[1]) for name in state})
    convolutions = [layer for layer in model.layers if isinstance(layer, tf.keras.layers.Conv2D)]
    for layer, number in zip(convolutions, names, strict=True):
        kernel, bias = (state[f"features.{number}.{part}"].astype("float32") for part in ("weight", "bias"))
        layer.set_weights([kernel.transpose(2, 3, 1, 0), bias])
    model.trainable = False
    # The map that ours reads too: before the last pooling.
    return tf.keras.Model(model.input, model.get_layer("block5_conv3").output)


def batches(folder: Path, train: bool) -> Any:
    """Return a generator of batches of the pictures in a folder of folders."""
    prepare = tf.keras.applications.vgg16.preprocess_input
    generator = tf.keras.preprocessing.image.ImageDataGenerator(preprocessing_function=prepare, horizontal_flip=train)
    return generator.flow_from_directory(
        folder, (SIDE, SIDE), batch_size=BATCH, shuffle=train, seed=0, interpolation="bilinear"
    )


def main() -> None:
    """Train, keep the best epoch, and write the accuracy on the photos to report on."""
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path, help="folder with train, choose and report")
    parser.add_argument("weights", type=Path)
    parser.add_argument("epochs", type=int)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    tf.keras.utils.set_random_seed(0)
    train, choose, report = (batches(given.photos / part, part == "train") for part in ("train", "choose", "report"))
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            backbone(given.weights),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1024, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(train.num_classes, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    # Patient enough never to stop: it keeps the best epoch.
    best = tf.keras.callbacks.EarlyStopping(patience=given.epochs, restore_best_weights=True)
    done = model.fit(train, validation_data=choose, epochs=given.epochs, callbacks=[best], verbose=2)
    _, accuracy = model.evaluate(report, verbose=0)
    given.out.write_text(json.dumps({"accuracy": accuracy, "epochs": len(done.history["loss"]), "tf": tf.__version__}))


if __name__ == "__main__":
    main()
