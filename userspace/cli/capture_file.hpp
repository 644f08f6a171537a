// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pcap/pcap.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "util/result.hpp"

namespace guideway::cli {

/// A frame as it was captured; valid until the next one is read.
struct CapturedFrame {
    timeval time{};  ///< microseconds hold nanoseconds
    std::span<const std::uint8_t> frame;
};

/// Reads a capture of Ethernet frames, pcap or pcapng.
class CaptureReader {
  public:
    [[nodiscard]] static Result<CaptureReader> open(const std::string& path);

    /// The next frame, or nothing at the end. A file that ends within a frame ends before it: see
    /// truncation().
    [[nodiscard]] std::optional<CapturedFrame> next();

    /// What is wrong with the file's end; empty if nothing is.
    [[nodiscard]] const std::string& truncation() const { return truncation_; }

  private:
    struct Close {
        void operator()(pcap_t* capture) const { pcap_close(capture); }
    };

    std::unique_ptr<pcap_t, Close> capture_;
    std::string truncation_;
};

/// Writes a pcap file of Ethernet frames with nanosecond times.
class CaptureWriter {
  public:
    [[nodiscard]] static Result<CaptureWriter> create(const std::string& path);

    void write(const timeval& time, std::span<const std::uint8_t> frame);
    /// Errors: the file could not be written whole.
    [[nodiscard]] Result<void> close();

  private:
    struct Close {
        void operator()(pcap_t* capture) const { pcap_close(capture); }
        void operator()(pcap_dumper_t* dumper) const { pcap_dump_close(dumper); }
    };

    std::string path_;
    std::unique_ptr<pcap_t, Close> format_;
    std::unique_ptr<pcap_dumper_t, Close> dumper_;
};

}  // namespace guideway::cli
