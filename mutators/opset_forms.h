// Forms of an operator in different opsets: what moved between attributes and inputs.
#pragma once

#include <functional>

#include "mutators/edit.h"

namespace mob::mutators {

// Brings a node from one form into another: attributes become inputs of the same name (of Pad: value becomes
// constant_value), and leaves become attributes again. An attribute without a counterpart is dropped, so that
// the meaning may change. `constness` says how a new leaf is to stand. False where we do not know how; then
// the node is half done.
bool to_form(Case& c, std::size_t index, const Schema& from, const Schema& to, const Facts& f,
             const std::function<Constness()>& constness);

}  // namespace mob::mutators
