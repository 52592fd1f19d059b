"""DeBERTa's attention to relative positions in operators that a GPU can run."""
import math
from contextlib import contextmanager
from typing import Iterator

import torch
from transformers.models.deberta_v2.modeling_deberta_v2 import DisentangledSelfAttention


def position_scores(self, query_layer, key_layer, relative_pos, rel_embeddings, scale_factor):
    """
    What disentangled_attention_bias() gives, [batch × heads, queries, keys], of a text with itself. The original picks
    the score of each pair's distance by torch.gather with an index for every row and head: integers of 64 bits, four
    times the size of all attention scores, which ONNX Runtime makes on the CPU and copies to the GPU in each layer. Which
    distance a pair has is the same in all rows and heads, so one index [queries × keys] into a flat list does as well.
    """
    length, distances, heads = query_layer.size(1), 2 * self.pos_ebd_size, self.num_attention_heads
    embeddings = rel_embeddings[:distances].unsqueeze(0)
    to_key, to_query = (
        (self.key_proj, self.query_proj) if self.share_att_key else (self.pos_key_proj, self.pos_query_proj)
    )
    scale = math.sqrt(query_layer.size(-1) * scale_factor)

    def picked(content, projection, index):
        positions = self.transpose_for_scores(projection(embeddings), heads).transpose(-1, -2)
        scores = torch.matmul(content.reshape(-1, heads, length, content.size(-1)), positions)
        return scores.reshape(-1, length * distances).index_select(1, index).reshape(-1, length, length)

    by_query, by_key = places_of(relative_pos, length, self.pos_ebd_size)
    score = 0
    if "c2p" in self.pos_att_type:
        score = score + picked(query_layer, to_key, by_query) / scale
    if "p2c" in self.pos_att_type:
        score = score + picked(key_layer, to_query, by_key) / scale
    return score


def places_of(relative_pos, length, span):
    """
    Where the scores of [queries, keys] stand, flat: in the queries' rows of 2 × span distances, and in the keys'. All
    layers get the same tensor of distances, and share what is made of it.
    """
    if not hasattr(relative_pos, "places"):
        relative = relative_pos.reshape(length, length).long()
        rows = torch.arange(length).unsqueeze(1) * 2 * span
        by_query = rows + torch.clamp(relative + span, 0, 2 * span - 1)
        by_key = rows + torch.clamp(span - relative, 0, 2 * span - 1)
        relative_pos.places = (by_query.reshape(-1), by_key.transpose(0, 1).reshape(-1))
    return relative_pos.places


@contextmanager
def exportable_attention() -> Iterator[None]:
    original = DisentangledSelfAttention.disentangled_attention_bias
    DisentangledSelfAttention.disentangled_attention_bias = position_scores
    try:
        yield
    finally:
        DisentangledSelfAttention.disentangled_attention_bias = original
