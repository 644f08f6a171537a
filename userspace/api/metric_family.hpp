// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <utility>
#include <vector>

namespace guideway::api {

using Labels = std::vector<prometheus::ClientMetric::Label>;

/// One metric's name, help and samples.
class Family {
  public:
    Family(std::string name, std::string help, prometheus::MetricType type) {
        family_.name = std::move(name);
        family_.help = std::move(help);
        family_.type = type;
    }

    void add(Labels labels, double value) {
        prometheus::ClientMetric metric;
        metric.label = std::move(labels);
        if (family_.type == prometheus::MetricType::Counter)
            metric.counter.value = value;
        else
            metric.gauge.value = value;
        family_.metric.push_back(std::move(metric));
    }

    [[nodiscard]] const prometheus::MetricFamily& family() const { return family_; }

  private:
    prometheus::MetricFamily family_;
};

using Families = std::vector<Family>;

inline Family counter(const char* name, const char* help) {
    return {name, help, prometheus::MetricType::Counter};
}

inline Family gauge(const char* name, const char* help) {
    return {name, help, prometheus::MetricType::Gauge};
}

}  // namespace guideway::api
