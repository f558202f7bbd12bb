// A model as boxes and arrows, with what an optimizer changed in it marked.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fuzzer/graph/graph.h"

namespace mob {

// What became of a node between the original and the optimized model.
enum class Mark : std::uint8_t {
  kKept,
  kChanged,  // the same output by the same operator, from other inputs or attributes
  kGone,     // of the original
  kNew,      // of the optimized
  kPort,     // an input or output of the graph, no node
};
std::string_view name(Mark m);  // "kept", "changed", "gone", "new", "port"

struct Box {
  std::vector<std::string> lines;  // the operator first, then attributes and constants
  Mark mark = Mark::kKept;
};
struct Arrow {
  std::size_t from = 0, to = 0;  // boxes
  std::string label;             // type, or the value's name where its type is unknown
  std::string value;             // its name
  bool bad = false;              // numbers go wrong here first
};
struct Picture {
  std::vector<Box> boxes;
  std::vector<Arrow> arrows;
  std::string cut;  // why it does not show the whole graph; else empty
};

// Graphs of more nodes are cut to the neighbourhood of the difference.
inline constexpr std::size_t kMostBoxes = 150;

// The top graph of `model`. `other`: the other side of the optimizer, or null; `optimized`: whether `model`
// is what came out of it. `bad_value`: see Arrow.
Picture picture_of(const Model& model, const Model* other, bool optimized, const std::string& bad_value);

}  // namespace mob
