"""Small networks that are trained from nothing."""

from torch import Tensor, nn
from torch.nn import functional


class Cnn64(nn.Module):
    """Convolution, ReLU and max pooling three times over 64 x 64 pixels, then dense layers (Jang 2020).

    With twelve classes a file of 25.3 MB in single precision.
    """

    def __init__(self, classes: int = 12) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = (
            nn.Conv2d(before, after, 3, padding=1) for before, after in ((3, 32), (32, 64), (64, 128))
        )
        self.last = nn.ReLU()
        self.dense = nn.Linear(128 * 8 * 8, 760)
        self.dropout = nn.Dropout(0.5)
        self.out = nn.Linear(760, classes)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return logits (N, classes), features (N, 128, 16, 16), pooled (N, 8192) of pictures (N, 3, 64, 64)."""
        for layer in (self.conv1, self.conv2):
            x = functional.max_pool2d(functional.relu(layer(x)), 2)
        features = self.last(self.conv3(x))
        pooled = functional.max_pool2d(features, 2).flatten(1)
        hidden = functional.relu(self.dense(self.dropout(pooled)))
        return {"logits": self.out(self.dropout(hidden)), "features": features, "pooled": pooled}


class LeNet5(nn.Module):
    """LeNet-5 (LeCun and others 1998) with ReLU and max pooling, over grey 28 x 28 pixels."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.last = nn.ReLU()
        self.dense1, self.dense2 = nn.Linear(16 * 5 * 5, 120), nn.Linear(120, 84)
        self.out = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return logits (N, classes), features (N, 16, 10, 10) and pooled (N, 400) of pictures (N, 1, 28, 28)."""
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        features = self.last(self.conv2(x))
        pooled = functional.max_pool2d(features, 2).flatten(1)
        hidden = functional.relu(self.dense2(functional.relu(self.dense1(pooled))))
        return {"logits": self.out(hidden), "features": features, "pooled": pooled}
