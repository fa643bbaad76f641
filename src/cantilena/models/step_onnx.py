"""The trunk of a step model as an ONNX graph of our own making: grouped-query attention with a KV
cache and 8-bit weights (``MatMulNBits``, blocks of 32).

Knows the network's arithmetic and onnxruntime's operators; does not know runs or checkpoints.
Embeddings, heads and the text encoder are no part of it: they run in numpy, where only the needed
rows are touched.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cantilena.errors import CheckpointError
from cantilena.models.step_lm import StepConfig

BLOCK = 32


def quantised(weight: np.ndarray, block: int = BLOCK) -> tuple[np.ndarray, np.ndarray]:
    """8-bit blocks of a (N, K) matrix: (N, K / block, block) uint8 around 128 and float32 scales
    (N * K / block,), so that weight = (value - 128) * scale."""
    n, k = weight.shape
    if k % block:
        raise CheckpointError(f"a width of {k} is not a multiple of {block}")
    grouped = weight.reshape(n, k // block, block).astype(np.float32)
    scale = np.abs(grouped).max(-1) / 127
    scale = np.where(scale == 0, 1.0, scale).astype(np.float32)
    values = np.clip(np.rint(grouped / scale[..., None]), -127, 127) + 128
    return values.astype(np.uint8), scale.reshape(-1)


class _Graph:
    """Collects nodes and weights of an ONNX graph."""

    def __init__(self, eight_bit: bool):
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.eight_bit = eight_bit

    def constant(self, name: str, value: np.ndarray) -> str:
        from onnx import numpy_helper

        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op: str, inputs: list[str], outputs: list[str], **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(op, inputs, outputs, **attributes))
        return outputs[0]

    def linear(self, x: str, weight: np.ndarray, name: str) -> str:
        """x @ weight.T, in 8 bits if asked."""
        if not self.eight_bit:
            w = self.constant(name, weight.T.astype(np.float32))
            return self.node("MatMul", [x, w], [name + ".y"])
        values, scale = quantised(weight)
        inputs = [x, self.constant(name, values), self.constant(name + ".scale", scale)]
        return self.node(
            "MatMulNBits",
            inputs,
            [name + ".y"],
            domain="com.microsoft",
            K=weight.shape[1],
            N=weight.shape[0],
            bits=8,
            block_size=BLOCK,
            accuracy_level=4,
        )


def trunk_graph(
    weights: dict[str, np.ndarray], config: StepConfig, length: int, eight_bit: bool = True
) -> bytes:
    """The trunk as serialised ONNX. Inputs: ``x`` (B, S, D) embedded positions, ``seqlens`` (B,)
    int32 (positions in the cache with these, less one), ``total`` int32 scalar (the same and one
    more), ``k{i}``/``v{i}`` (B, H, L, D/H) caches. Outputs: ``h`` (B, S, D), ``k{i}_out``,
    ``v{i}_out``. ``length`` is the longest cache the rotary tables serve."""
    from onnx import TensorProto, helper

    from cantilena.models.step_lm import rope_tables

    graph = _Graph(eight_bit)
    d, h = config.width, config.heads
    cos, sin = rope_tables(d // h, length, config.rope_base)
    graph.constant("cos", cos.numpy())
    graph.constant("sin", sin.numpy())
    x, norm = "x", ""
    float_type = TensorProto.FLOAT
    inputs = [
        helper.make_tensor_value_info("x", float_type, ["B", "S", d]),
        helper.make_tensor_value_info("seqlens", TensorProto.INT32, ["B"]),
        helper.make_tensor_value_info("total", TensorProto.INT32, []),
    ]
    outputs = [helper.make_tensor_value_info("h", float_type, ["B", "S", d])]
    for i in range(config.layers):
        name = f"blocks.{i}."
        gain = graph.constant(name + "norm1", weights[name + "norm1.weight"])
        norm = graph.node(
            "SimplifiedLayerNormalization", [x, gain], [name + "n1"], epsilon=1e-5, axis=-1
        )
        qkv = graph.linear(norm, weights[name + "qkv.weight"], name + "qkv")
        caches = [f"{c}{i}" for c in "kv"]
        graph.node(
            "GroupQueryAttention",
            [qkv, "", "", *caches, "seqlens", "total", "cos", "sin"],
            [name + "a", *(c + "_out" for c in caches)],
            domain="com.microsoft",
            num_heads=h,
            kv_num_heads=h,
            do_rotary=1,
        )
        out = graph.linear(name + "a", weights[name + "out.weight"], name + "out")
        x = graph.node("Add", [x, out], [name + "x1"])
        gain = graph.constant(name + "norm2", weights[name + "norm2.weight"])
        norm = graph.node(
            "SimplifiedLayerNormalization", [x, gain], [name + "n2"], epsilon=1e-5, axis=-1
        )
        both = graph.linear(norm, weights[name + "up.weight"], name + "up")
        graph.node("Split", [both], [name + "g", name + "u"], axis=-1, num_outputs=2)
        gate = graph.node(
            "QuickGelu", [name + "g"], [name + "s"], domain="com.microsoft", alpha=1.0
        )
        hidden = graph.node("Mul", [gate, name + "u"], [name + "m"])
        down = graph.linear(hidden, weights[name + "down.weight"], name + "down")
        x = graph.node("Add", [x, down], [name + "x2"])
        for cache in caches:
            shape = ["B", h, "L", d // h]
            inputs.append(helper.make_tensor_value_info(cache, float_type, shape))
            outputs.append(helper.make_tensor_value_info(cache + "_out", float_type, shape))
    gain = graph.constant("norm", weights["norm.weight"])
    graph.node("SimplifiedLayerNormalization", [x, gain], ["h"], epsilon=1e-5, axis=-1)
    trunk = helper.make_graph(graph.nodes, "trunk", inputs, outputs, graph.weights)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(trunk, opset_imports=opsets, producer_name="cantilena")
    model.ir_version = 10
    return model.SerializeToString()
