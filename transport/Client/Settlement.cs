using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>What is to be told to the broker about a run of deliveries.</summary>
/// <param name="Kind">What happens to them.</param>
/// <param name="First">First tag on the present connection; 0 for all up to <paramref name="Last"/>.</param>
/// <param name="Last">Last tag.</param>
internal readonly record struct Settlement(SettleKind Kind, ulong First, ulong Last);
