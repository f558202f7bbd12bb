// A model given as ONNX text, with inputs that are drawn for it: always the same.
#pragma once

#include <string>

#include "fuzzer/generator/inputs.h"
#include "fuzzer/graph/case.h"
#include "fuzzer/graph/model_io.h"

namespace mob {

inline Case case_of(const std::string& text) {
  Case c;
  c.model = parse_text(text);
  Rng rng(7, 0);
  c.inputs = draw_inputs(c.model, rng);
  return c;
}

}  // namespace mob
