#include "support/case.h"

#include "support/builder.h"

namespace hadal::tests {

Case CaseMaker::whole() const {
  return make(iota(rows));
}

std::vector<CaseMaker> cases_of(int32_t op) {
  switch (op) {
#define HD_OPERATION(name, op_value) \
  case op_value:                     \
    return name##_cases();
#include "abi/operations.inc"
#undef HD_OPERATION
    default:
      return {};
  }
}

}  // namespace hadal::tests
