// Operators that runtimes calculate on integers where quantization stands around them.
#pragma once

#include "mutators/edit.h"

namespace mob::mutators {

// Which inputs of an operator are numbers to be quantized.
struct Quantizable {
  std::string_view op;
  int data = 1;           // so many first inputs; 0: all
  bool moves = false;     // the output holds elements of input 0, so that it keeps their grid
  int channel_axis = -1;  // of input 1, where that is a weight; -1: its last
  bool bias = false;      // input 2 is added to sums of products of the first two
};
// What is known of a node's operator, or null.
const Quantizable* quantizable(const Node& n);

}  // namespace mob::mutators
