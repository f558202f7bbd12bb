// Nodes that give back exactly what they read: the kinds that insert_identity draws from. Where a kind's
// arithmetic would not be exact for every element (adding +0 to -0, Clip to the largest number), it is not
// among them.
#pragma once

#include <map>
#include <string_view>

#include "mutators/rewrites.h"

namespace mob::mutators {

// Where one is to stand: behind a value of this type.
struct IdentityPlace {
  Case& c;
  const ArrayType& t;
  Choices& choices;
  bool open;  // sizes may be others in another run

  std::int64_t rank() const { return static_cast<std::int64_t>(t.rank()); }
  std::int64_t opset() const { return c.model.opset(); }
  Rng& rng() const { return choices.rng(); }
  ValueId ints(const Ints& values) const { return constant(c, values, choices); }
  // A number of the value's type, as a scalar or with axes of size 1.
  ValueId number(double x) const {
    const Dims dims(rank() > 0 && rng().chance(0.4) ? 1 : 0, 1);
    double stored = choices.bent(x);
    if (!is_float(t.dtype) && choices.faulty()) stored = x + 1;
    return constant(c, repeated(scalar_of(t.dtype, stored), dims), choices);
  }
  Ints filled(std::int64_t x) const { return Ints(t.rank(), x); }
};

// One kind: whether it fits, and the nodes; `bends`: it has arithmetic of its own for a fault.
struct IdentityKind {
  bool (*fits)(const IdentityPlace&);
  ValueId (*make)(const IdentityPlace&, ValueId);
  bool bends = false;
};

// By name.
const std::map<std::string_view, IdentityKind>& identity_kinds();

}  // namespace mob::mutators
