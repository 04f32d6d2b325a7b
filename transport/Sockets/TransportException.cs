namespace LowLatency.Transport.Sockets;

/// <summary>An address that cannot be understood, listened on or reached. The message says what to do.</summary>
public sealed class TransportException : Exception
{
    /// <summary>With the runtime's message.</summary>
    public TransportException()
    {
    }

    /// <summary>With a sentence for the user.</summary>
    public TransportException(string message)
        : base(message)
    {
    }

    /// <summary>With a sentence for the user and its cause.</summary>
    public TransportException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
