// Optional, OptionalHasElement, OptionalGetElement: a tensor or a sequence, or nothing.
#include "fuzzer/graph/other_types.h"
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

// What an optional holds, or null. Later forms of the operators take what is no optional, too.
const Expected* content(const Inference& inf) {
  if (!inf.has_input(0)) return nullptr;
  const Expected& x = inf.input(0);
  const Kind kind = kind_of(x.type);
  if (kind != Kind::kOptional && kind != Kind::kOptionalSequence) return &x;
  return x.elements->empty() ? nullptr : x.elements->front().get();
}

// Only its evaluation says what it holds: an optional has no type that `infer` could set.
void infer_optional(Inference&) {}

void make_optional(Evaluation& ev) {
  std::vector<std::shared_ptr<const Expected>> elements;
  ArrayType type = other_type(Kind::kOptional, DType::kUndefined);
  if (ev.has_input(0)) {
    const Expected& x = ev.input(0);
    const Kind kind = kind_of(x.type);
    if (kind != Kind::kTensor && kind != Kind::kSequence) throw InvalidNode("an optional of an optional");
    type = other_type(kind == Kind::kTensor ? Kind::kOptional : Kind::kOptionalSequence, element_of(x.type));
    elements.push_back(std::make_shared<const Expected>(x));
  }
  ev.output().type = type;
  ev.output().elements =
      std::make_shared<const std::vector<std::shared_ptr<const Expected>>>(std::move(elements));
}

void infer_has_element(Inference& inf) {
  inf.set_output(0, {DType::kBool, {}});
}
void has_element(Evaluation& ev) {
  ev.out_ints().v[0] = content(ev) != nullptr;
}

void infer_get_element(Inference& inf) {
  const Expected* x = content(inf);
  if (x == nullptr) throw InvalidNode("the optional is empty");
  if (!x->elements) inf.set_output(0, x->type);
}
void get_element(Evaluation& ev) {
  ev.output() = *content(ev);
}

constexpr OpSpec specs[] = {
    {.name = "Optional", .since = 15, .infer = infer_optional, .evaluate = make_optional},
    {.name = "OptionalHasElement", .since = 15, .infer = infer_has_element, .evaluate = has_element},
    {.name = "OptionalGetElement", .since = 15, .infer = infer_get_element, .evaluate = get_element},
};

}  // namespace

namespace family {
extern constinit const Family optionals = specs;
}

}  // namespace mob::ops
