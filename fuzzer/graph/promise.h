// What a mutant still owes its parent. Shared by mutators (which give it) and oracles (which hold them to
// it).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "fuzzer/graph/case.h"

namespace mob {

// What becomes of a value that is stored more coarsely: each element lies within `step / 2` of what it was,
// once it is brought into [low, high]. One entry for the whole tensor, or one for each index of `axis`.
// Elements that are certainly zero stay zero where `zero_stays`.
struct Grid {
  int axis = -1;  // -1: one entry; never negative else
  std::vector<double> step, low, high;
  std::int64_t block = 1;  // entries stand for so many neighbours along `axis`
  bool zero_stays = true;
};
// The grid is made at run time of the tensor's own range, zero included: 2^bits - 1 steps.
struct RuntimeGrid {
  int bits = 8;
};
// Rounding to a floating-point format of this type.
struct Narrowed {
  DType to = DType::kFloat16;
};
// A value of the twin that the mutant knows only so well: the reference carries that on to the outputs.
struct Slack {
  std::string value;  // of the top graph
  std::variant<Grid, RuntimeGrid, Narrowed> to;
};

// A case whose outputs the mutant's outputs of the same names must equal, within the bounds of both.
struct Twin {
  std::string name;                         // "parent", "masked parent", "parent with rounded weights"
  std::shared_ptr<const Case> c = nullptr;  // null: the parent itself
  std::vector<Slack> slack = {};
};

// --- Facts that must hold of the mutant's model, whatever it computes.

struct ZeroWhere {  // an initializer is exactly zero where the mask is true, and unlike the parent nowhere
                    // else
  std::string initializer;
  Tensor mask;  // of bools, of its shape
};
struct Sparsity {  // at least this share of these initializers' elements, taken together, is zero
  std::vector<std::string> initializers;
  double share = 0;
};
struct ZerosInGroups {  // N:M: of each m neighbours along an axis at least n are zero
  std::string initializer;
  int axis = 0;
  std::int64_t n = 2, m = 4;
};
struct HasType {  // an initializer has this type and these dimensions
  std::string initializer;
  ArrayType type;
};
struct Distinct {  // an initializer holds at most so many different values
  std::string initializer;
  std::int64_t most = 0;
};
struct NodeCount {  // the top graph holds from `least` to `most` nodes of this operator
  std::string op, domain;
  std::int64_t least = 0, most = 0;
};
struct Fewer {  // the model takes at most this share of its parent's bytes of initializers (Constant nodes
                // too)
  double share = 1;
};
struct ImportsOpset {  // the model is written in this version of the standard operators
  std::int64_t version = 0;
};
using Claim =
    std::variant<ZeroWhere, Sparsity, ZerosInGroups, HasType, Distinct, NodeCount, Fewer, ImportsOpset>;

struct Promise {
  enum class Kind : std::uint8_t {
    kRecompute,   // the meaning changed: the reference knows the new truth
    kSameValues,  // every output equals that of each twin
  };
  Kind kind = Kind::kRecompute;

  // Of kSameValues; empty: the parent, with no slack.
  std::vector<Twin> twins = {};
  std::vector<Claim> claims = {};
  // The parent's graph inputs and outputs are there, in order, with their types. More may follow.
  bool same_interface = true;
  // What stands around the graph (metadata, functions, producer) is the parent's.
  bool same_metadata = true;
};

// How a case came of another one: a mutator of a meaning-keeping family applied to it.
struct Derivation {
  std::string mutator;
  std::string kind;      // of optimization: "pruning", "quantization", "clustering", "fusion", "rewriting"
  std::string settings;  // "sparsity=0.5 scope=global"
  std::string tool;      // that did it; empty: mobster itself
  std::shared_ptr<const Case> parent;
  Promise promise;
};

}  // namespace mob
