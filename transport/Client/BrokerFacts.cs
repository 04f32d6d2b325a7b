namespace LowLatency.Client;

/// <summary>What a broker says of itself when it lets a connection in.</summary>
/// <param name="MaxBodyLength">Longest body in bytes.</param>
/// <param name="MaxCreditMessages">Most credit of a subscription, in messages.</param>
/// <param name="MaxPayloadLength">Longest body, headers and key together, in bytes.</param>
internal readonly record struct BrokerFacts(int MaxBodyLength, int MaxCreditMessages, int MaxPayloadLength);
