// Attributes go back to their defaults.
#include "fuzzer/graph/schema.h"
#include "fuzzer/triage/shrink/edits.h"

namespace mob::shrink::steps {
namespace {

bool is_required(const Schema* form, std::string_view attribute) {
  if (form != nullptr)
    for (const AttributeSchema& a : form->attributes)
      if (a.name == attribute) return a.required;
  return false;
}

std::vector<Edit> edits(const Subject& s) {
  std::vector<Edit> list;
  for (const Node& n : s.c.model.graph.nodes) {
    if (n.op_type == "Constant") continue;
    const Schema* form = schema(n.op_type, static_cast<int>(s.c.model.opset(n.domain)), n.domain);
    for (const Attribute& a : n.attributes) {
      if (is_required(form, a.name) || std::holds_alternative<GraphPtr>(a.value)) continue;
      list.emplace_back([node = handle(n), name = a.name](Case& c) {
        const int at = producer(c.model.graph, node);
        if (at < 0) return false;
        Node& m = c.model.graph.nodes[static_cast<std::size_t>(at)];
        if (!m.has(name)) return false;
        m.remove(name);
        return true;
      });
    }
  }
  return list;
}

}  // namespace

extern const ShrinkStep drop_attributes;
const ShrinkStep drop_attributes = {.name = "drop-attributes",
                                    .what = "Attributes go back to their defaults.",
                                    .together = true,
                                    .edits = edits};

}  // namespace mob::shrink::steps
