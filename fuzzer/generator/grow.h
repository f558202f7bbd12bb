// Graphs grown at random: nodes of any operator, and nodes whose bodies are grown, too.
#pragma once

#include <optional>

#include "fuzzer/generator/builder.h"

namespace mob {

// The operators that draft themselves, in the order of all_ops().
const std::vector<const OpSpec*>& drawn_ops();

// 0, 1, 2, ... with this mean.
int geometric(Rng& rng, double mean);

// Up to this many random nodes, which read what is not read yet.
void grow(Builder& b, int nodes);

// One of If, Loop, Scan and the calls of a model-local function, with bodies grown of random nodes and
// motifs. False where the draws do not work out; leaves may stand unread then.
bool draw_control_flow(Builder& b);

// --- What draws of bodies share.

// A body's random nodes, now and then with a motif or a node with bodies of its own among them.
void grow_body(Builder& body);
// Node outputs of a body that may leave it, those first that nothing in it reads; at most this many.
std::vector<ValueId> draw_results(Builder& body, std::size_t most);
// A value of this type: one that is there (computed ones first), or a new one, mostly computed from
// something.
ValueId of_type(Builder& b, const ArrayType& type);
// A bool of rank 0 of this value (now and then [1], where it need not be a scalar): constant, a graph input,
// or computed. A Loop's is a scalar: shape inference gives its body inputs of the same shape.
ValueId draw_bool(Builder& b, bool value, bool scalar = false);
// A number, int64 [], likewise.
ValueId draw_count(Builder& b, std::int64_t value);

bool draw_if(Builder& b);
bool draw_loop(Builder& b);
bool draw_scan(Builder& b);
// A function, called twice with attributes or inputs that differ.
bool draw_function(Builder& b);

}  // namespace mob
