"""The conventions' dimension names, and what other projects call the same dimensions."""

from difflib import get_close_matches

GROUPS = (
    ("batch", "b"),
    ("seq_len", "seq"),
    ("num_gpu", "n_gpu"),
    ("height", "h"),
    ("width", "w"),
    ("channels", "c"),
)
BATCH = GROUPS[0]
SEQUENCE = GROUPS[1]
DEVICES = GROUPS[2]
HEIGHT = GROUPS[3]
WIDTH = GROUPS[4]
CHANNELS = GROUPS[5]
# What an example consists of: none of these stands before the batch. Layers, devices and what a
# project stacks besides them may.
CONTENT = frozenset(
    {
        "seq_len", "seq", "max_seq_len", "d_model", "d_head", "d_ff", "d_in", "d_out", "height",
        "h", "width", "w", "channels", "c", "num_heads", "vocab_size", "num_classes", "kh", "kw",
        "c_in", "c_out",
    }
)  # fmt: skip
_SYNONYMS = {
    "batch": "B Batch BATCH bs bsz bsize batch_size batchsize n_batch num_batch nbatch",
    "seq_len": "T L S seqlen seq_length sequence sequence_length seqlength slen n_seq",
    "d_model": "D dim emb embed embedding hidden d_embed d_emb emb_dim embed_dim embedding_dim "
    "hidden_dim hidden_size d_hidden dmodel model_dim n_embd embedding_size dim_model",
    "d_head": "head_dim dim_head dh head_size dim_per_head",
    "d_ff": "dff d_mlp ffn ffn_dim ff_dim mlp_dim d_ffn intermediate_size",
    "num_heads": "n_heads nheads n_head heads num_head nhead",
    "vocab_size": "V vocab n_vocab vocabulary num_vocab nvocab vocab_dim",
    "num_layers": "n_layers nlayers layers n_layer num_layer",
    "num_classes": "n_classes nclasses classes n_class num_class",
    "max_seq_len": "max_len max_length max_seq max_seq_length n_ctx block_size context_length",
    "num_gpu": "n_devices num_devices n_gpus num_gpus ngpu ngpus n_device num_device devices",
    "batch_per_gpu": "batch_per_device per_device_batch local_batch local_batch_size device_batch",
    "c": "C ch",
    "channels": "chan channel num_channels n_channels nchannels",
    "height": "img_height image_height img_h Height",
    "width": "img_width image_width img_w Width",
    "w": "W",
    "c_in": "cin in_channels in_c channels_in",
    "c_out": "cout out_channels out_c channels_out",
    "d_in": "din in_features in_dim dim_in input_dim",
    "d_out": "dout out_features out_dim dim_out output_dim",
}
SYNONYMS = {each: name for name, words in _SYNONYMS.items() for each in words.split()}
# Read like this they are mostly right, and not always: nothing is renamed without a look.
UNSURE = frozenset({"L", "S", "dim", "hidden", "layers", "classes", "devices", "sequence", "W"})
# These mean one thing in one project and another one in the next.
_DOUBTFUL = {
    "H": ("num_heads", "height"), "N": ("batch", "seq_len"), "E": ("d_model", "num_experts"),
    "K": ("d_head", "key_len"), "F": ("d_ff", "d_in"), "M": ("d_model", "d_ff"),
    "rows": ("height", "batch"), "cols": ("width", "d_model"), "time": ("seq_len", "steps"),
    "len": ("seq_len", "max_seq_len"), "length": ("seq_len", "max_seq_len"),
    "features": ("d_model", "channels"), "num_tokens": ("seq_len", "vocab_size"),
    "tokens": ("seq_len", "vocab_size"), "d_k": ("d_head", "d_model"), "d_v": ("d_head", "d_model"),
}  # fmt: skip


def group(name: str) -> tuple[str, ...]:
    """Returns the names that the conventions have for the same dimension, this one included."""
    return next((names for names in GROUPS if name in names), (name,))


def meant(name: str, vocabulary: frozenset[str]) -> tuple[str, ...]:
    """Returns the known names that an unknown one may stand for: one if there is no doubt.

    Args:
        name: The unknown name.
        vocabulary: The names that the project knows.
    """
    if name in SYNONYMS:
        return (SYNONYMS[name],)
    if name in _DOUBTFUL:
        return _DOUBTFUL[name]
    return tuple(get_close_matches(name, sorted(vocabulary), n=2, cutoff=0.8))
