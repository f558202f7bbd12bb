// Every probability of the generator, in one place.
#pragma once

#include <array>
#include <cstdint>

namespace mob {

// Chances are of one draw each; shares of a group are weights and need not sum to 1.
struct Policy {
  // --- What a case is made from.
  double motif = 0.40;    // a motif, whole or as a near miss
  double mutant = 0.22;   // a seed (user's corpus, motif given as text, earlier interesting case), mutated
  double random = 0.25;   // a random graph
  double derived = 0.13;  // any of these, pruned, clustered, quantized, fused or rewritten

  double thorough =
      0.2;  // of a case: all levels, a second run and a saved model; else no optimization and all of it

  // --- Random graphs. Number of nodes: 1 + a geometric draw of this mean, cut at max_nodes.
  double mean_nodes = 4;
  double large = 0.02;  // ... or uniform up to max_nodes
  int max_nodes = 100;
  // Of a case: operators that draw random numbers may take part. Rarely: to judge one takes many processes.
  double random_operators = 0.005;
  double newest_opset = 0.25;  // the newest that the system takes; else any from 9 on

  // Of a random graph: one of its nodes is If, Loop, Scan or the call of a function, with bodies drawn.
  double control_flow = 0.03;
  double deeper = 0.12;            // the same of a body
  double mean_body_nodes = 1.5;    // more than one
  double body_motif = 0.2;         // of a body: a motif stands in it
  double outer_initializer = 0.3;  // an initializer of a body belongs to the graph around it
  int most_outer = 5;              // values that a body may read from around it

  // --- Wiring of a slot that a draft asks for.
  double wire = 0.85;            // the first slot that fits reads what is not read yet
  double wire_again = 0.15;      // ... and a later one, too
  double reuse = 0.25;           // a slot reads any earlier value that fits
  double wire_parameter = 0.04;  // the same for a slot that carries meaning: "any type-compatible slot"

  // --- Sizes of dimensions; else 2 to 5.
  double size_one = 0.15;
  double size_zero = 0.01;
  double size_block = 0.04;          // 8, 16 or 17: around the widths of vectors and blocks
  std::int64_t max_elements = 4096;  // of any tensor

  // --- Constness of leaves by role: graph input, initializer, Constant node, overridable initializer (also a
  //     graph input), computed from one.
  std::array<double, 5> data_constness = {0.74, 0.14, 0.06, 0.04, 0.02};
  std::array<double, 5> weight_constness = {0.20, 0.58, 0.12, 0.05, 0.05};
  std::array<double, 5> parameter_constness = {0.06, 0.66, 0.20, 0.04, 0.04};

  // --- Values.
  double special = 0.02;  // a case of special values: infinities, NaN, -0, denormals, largest
  double special_element = 0.2;
  double poor_share = 0.05;        // a node that leaves a larger share of elements undecided or vague ...
  double keep_poor = 0.01;         // ... is kept with this chance
  double keep_unspecified = 0.01;  // the same where the ONNX spec leaves elements open

  // Of a fresh leaf whose slot takes narrow types (below 8 bits, float8) or strings: it is one of these.
  double rare_type = 0.06;

  double keep_unknown = 0.02;  // the same where nobody knows whether the system takes such types

  // --- The finished graph.
  double expose = 0.04;        // of a value that is read: it becomes a graph output, too
  double listed = 0.15;        // of a case: types of its intermediate values are declared (value_info)
  double symbolic = 0.25;      // of a case: some dimensions of its inputs are symbolic
  double symbol = 0.6;         // ... of each of their dimensions
  double shared_symbol = 0.7;  // ... named by its size, so that equal ones share it; else by nothing
  double bindings = 0.3;  // of a case with symbolic dimensions: its session runs two more bindings of them

  // --- Motifs.
  std::array<double, 3> broken_guards = {0.30, 0.45, 0.25};  // none, one, two
  // Of the cases in which a bundle of rewrite rules changed the model, one in so many tells which of them
  // did, which costs more than the case itself: often only among the first cases, when each counts.
  std::uint64_t rules_every_at_first = 4, rules_every = 32;
  std::uint64_t rules_often_below = 2000;  // this index
  // An optimizer that changes fewer cases than this share of them has its motifs drawn more often, up to
  // most_boost times.
  double rarely_applied = 0.004;
  double most_boost = 4;
  double own_guard = 0.65;      // a broken guard is one of the motif's own; else one that all motifs have
  double planted = 0.55;        // the motif stands in a random graph; else alone
  double mean_prefix = 2;       // random nodes before it
  double mean_suffix = 2;       // ... and after it
  double fed = 0.5;             // an input of a planted motif comes out of a neighbour
  double constant_data = 0.04;  // an input of a motif is constant

  // --- Mutants.
  double more_mutations = 0.5;  // after each mutation, another one follows
  double splice = 0.15;         // two seeds are joined

  // --- Derived cases.
  double more_rewrites = 0.45;  // before and after each of the other kinds: a further fusion or rewriting
  // One derived case in so many is held against its parents, which costs as much as judging them.
  std::uint64_t parents_every = 8;

  // --- Of any case: a part of it stands in a nested graph or a function.
  double nested = 0.06;
};

}  // namespace mob
