namespace LowLatency.Transport.Server;

/// <summary>The time of one duty cycle, read once and passed down.</summary>
/// <param name="ElapsedNs">Nanoseconds since some fixed moment; never goes back. For intervals.</param>
/// <param name="UnixNs">Unix time in nanoseconds. May step with the system's clock. For time stamps.</param>
internal readonly record struct DutyTime(long ElapsedNs, long UnixNs);
