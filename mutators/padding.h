// Padding of images, by Pad and by the attributes of Conv, AveragePool and MaxPool.
#pragma once

#include <algorithm>
#include <limits>

#include "mutators/pattern.h"

namespace mob::mutators {

// The number that Pad must put around an image so that the node sees there what its own padding means; empty
// where the node's padding has no such number, or is not given by `pads`.
inline std::optional<double> own_padding(const Node& n, DType t) {
  const std::string how = n.string_or("auto_pad", "NOTSET");
  if (how != "NOTSET" && how != "VALID") return std::nullopt;
  if (n.op_type == "Conv") return 0;
  if (n.int_or("ceil_mode", 0) != 0 || n.outputs.size() != 1) return std::nullopt;
  if (n.op_type == "AveragePool" && n.int_or("count_include_pad", 0) != 0) return 0;
  if (n.op_type == "MaxPool" && is_float(t)) return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

// Begins and ends, of each axis of the image.
inline std::vector<std::int64_t> pads_of(const Node& n, std::size_t rank) {
  const std::vector<std::int64_t> none(2 * (rank - 2), 0);
  return n.string_or("auto_pad", "NOTSET") == "VALID" ? none : n.ints_or("pads", none);
}

// The node's attributes with these pads.
inline std::vector<Attribute> with_pads(const Node& n, const std::vector<std::int64_t>& pads) {
  Node copy = n;
  copy.remove("auto_pad");
  copy.set("pads", pads);
  return copy.attributes;
}

}  // namespace mob::mutators
