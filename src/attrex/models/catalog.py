"""Every model there is, by name. A new one is one line here, one file, one row in the conformance table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrex.models.adatag import build_adatag
from attrex.models.aveqa import build_aveqa
from attrex.models.bilstm_crf import build_multi_crf, build_separate, build_tag_sets
from attrex.models.cma_clip import build_cma_clip
from attrex.models.cross_encoder import build_cross_encoder
from attrex.models.deflate import build_deflate
from attrex.models.dipair import build_dipair
from attrex.models.eave import build_eave
from attrex.models.eiven import build_eiven
from attrex.models.endpoint import build_endpoint
from attrex.models.folder import StorableModel
from attrex.models.generative import build_generative
from attrex.models.jave import build_jave, build_m_jave
from attrex.models.lexicon import build_lexicon
from attrex.models.mae import build_mae
from attrex.models.maveqa import build_maveqa
from attrex.models.mixencoder import build_mixencoder
from attrex.models.pam import build_pam
from attrex.models.slot_filling import (
    build_attn_birnn,
    build_joint_bert,
    build_rnn_lstm,
    build_slot_gated,
)
from attrex.models.smartave import build_smartave, build_smartave_text
from attrex.models.suopentag import build_suopentag
from attrex.models.uls_dram import build_uls_l, build_uls_vl
from attrex.models.virt import build_virt

CATALOG: Mapping[str, Callable[..., StorableModel]] = {
    "adatag": build_adatag,
    "attn-birnn": build_attn_birnn,
    "aveqa": build_aveqa,
    "cma-clip": build_cma_clip,
    "cross-encoder": build_cross_encoder,
    "deflate": build_deflate,
    "dipair": build_dipair,
    "eave": build_eave,
    "eiven": build_eiven,
    "endpoint": build_endpoint,
    "generative": build_generative,
    "jave": build_jave,
    "joint-bert": build_joint_bert,
    "lexicon": build_lexicon,
    "m-jave": build_m_jave,
    "mae": build_mae,
    "maveqa": build_maveqa,
    "mixencoder": build_mixencoder,
    "multi-crf": build_multi_crf,
    "pam": build_pam,
    "rnn-lstm": build_rnn_lstm,
    "separate": build_separate,
    "slot-gated": build_slot_gated,
    "smartave": build_smartave,
    "smartave-text": build_smartave_text,
    "suopentag": build_suopentag,
    "tag-sets": build_tag_sets,
    "uls-l": build_uls_l,
    "uls-vl": build_uls_vl,
    "virt": build_virt,
}
