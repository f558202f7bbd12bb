// Pictures with a place for every box and arrow, by Graphviz.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "fuzzer/report/picture.h"

namespace mob {

// Each picture as {"w", "h", "boxes": [{"x", "y", "w", "h", "lines", "mark"}], "arrows": [{"path", "label",
// "x", "y", "value", "bad", "from", "to"}], "cut"}: pixels from the upper left corner, centres of boxes and
// labels, paths in the words of SVG. null for all where there is no Graphviz (the program `dot`) or it fails.
//
// The program and not the library: one process lays out any number of small graphs (0.5 ms each after 40 ms),
// and what a hostile graph does to it stays there.
std::vector<nlohmann::json> draw(const std::vector<Picture>& pictures);

}  // namespace mob
