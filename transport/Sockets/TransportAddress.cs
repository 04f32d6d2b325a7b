using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace LowLatency.Transport.Sockets;

/// <summary>How to reach or offer a broker.</summary>
internal enum TransportKind
{
    /// <summary><c>tcp://host:port</c></summary>
    Tcp,

    /// <summary><c>inproc://name</c></summary>
    InProcess,
}

/// <summary>A parsed address. <c>tcp://host:port</c>: host is a name, an IPv4 address, an IPv6 address in brackets or <c>*</c> (any); a virtual host can follow behind a slash, and <c>?compress</c> at the end. <c>inproc://name</c>.</summary>
internal sealed record TransportAddress
{
    /// <summary>The broker's port where an address names none.</summary>
    internal const int DefaultPort = 7400;

    private const string TcpPrefix = "tcp://";
    private const string InProcessPrefix = "inproc://";
    private const string CompressQuery = "?compress";

    private TransportAddress(TransportKind kind, string host, int port)
    {
        Kind = kind;
        Host = host;
        Port = port;
    }

    internal TransportKind Kind { get; }

    /// <summary>Host without brackets, or the name of an in-process broker.</summary>
    internal string Host { get; }

    /// <summary>0 to 65,535; 0 lets the system choose when listening.</summary>
    internal int Port { get; }

    /// <summary>For clients: the virtual host, <c>/</c> where the address names none.</summary>
    internal string VirtualHost { get; private init; } = "/";

    /// <summary>For clients: ask for compression.</summary>
    internal bool Compress { get; private init; }

    /// <exception cref="TransportException">The text is no address; the message says what one looks like.</exception>
    internal static TransportAddress Parse(string text)
        => TryParse(text, out TransportAddress? address, out string? problem) ? address : throw new TransportException(problem);

    /// <summary>Understands an address, or says what is wrong with it in a sentence.</summary>
    internal static bool TryParse(string? text, [NotNullWhen(true)] out TransportAddress? address, [NotNullWhen(false)] out string? problem)
    {
        address = null;
        problem = null;
        if (string.IsNullOrEmpty(text))
            problem = "The address is empty. Write for example tcp://127.0.0.1:7400.";
        else if (text.StartsWith(InProcessPrefix, StringComparison.OrdinalIgnoreCase))
            address = ParseInProcess(text, text[InProcessPrefix.Length..], ref problem);
        else if (text.StartsWith(TcpPrefix, StringComparison.OrdinalIgnoreCase))
            address = ParseTcp(text, text[TcpPrefix.Length..], ref problem);
        else
            problem = $"The address '{text}' has no known scheme. Use tcp://host:port or inproc://name.";
        return address != null;
    }

    /// <summary>The address of a bound endpoint.</summary>
    internal static TransportAddress From(IPEndPoint endpoint) => new(TransportKind.Tcp, endpoint.Address.ToString(), endpoint.Port);

    /// <summary>The IP address and port of a TCP address. May ask the name service, which blocks.</summary>
    /// <exception cref="TransportException">The host is unknown, or this is no TCP address.</exception>
    internal IPEndPoint Resolve()
    {
        if (Kind != TransportKind.Tcp)
            throw new TransportException($"The address {this} is no tcp:// address.");
        if (Host == "*")
            return new IPEndPoint(IPAddress.Any, Port);
        if (IPAddress.TryParse(Host, out IPAddress? literal))
            return new IPEndPoint(literal, Port);
        IPAddress[] found;
        try
        {
            found = Dns.GetHostAddresses(Host);
        }
        catch (SocketException error)
        {
            throw new TransportException($"The host '{Host}' of {this} is unknown. Check its spelling or write its IP address.", error);
        }

        foreach (IPAddress candidate in found)
        {
            if (candidate.AddressFamily == AddressFamily.InterNetwork)
                return new IPEndPoint(candidate, Port);
        }

        return found.Length > 0
            ? new IPEndPoint(found[0], Port)
            : throw new TransportException($"The host '{Host}' of {this} has no IP address.");
    }

    /// <summary>The address in the form that <see cref="Parse"/> takes.</summary>
    public override string ToString()
    {
        if (Kind == TransportKind.InProcess)
            return InProcessPrefix + Host;
        string host = Host.Contains(':') ? $"[{Host}]" : Host;
        string virtualHost = VirtualHost == "/" ? "" : "/" + Uri.EscapeDataString(VirtualHost);
        string query = Compress ? CompressQuery : "";
        return string.Create(CultureInfo.InvariantCulture, $"{TcpPrefix}{host}:{Port}{virtualHost}{query}");
    }

    private static TransportAddress? ParseInProcess(string text, string name, ref string? problem)
    {
        if (name.Length > 0)
            return new TransportAddress(TransportKind.InProcess, name, 0);
        problem = $"The address '{text}' names no broker. Write inproc://name with the name that the broker was opened under.";
        return null;
    }

    private static TransportAddress? ParseTcp(string text, string rest, ref string? problem)
    {
        bool compress = false;
        if (rest.IndexOf('?') is >= 0 and int question)
        {
            compress = rest[question..] == CompressQuery;
            if (!compress)
            {
                problem = $"The address '{text}' has an unknown option '{rest[question..]}'. There is {CompressQuery}; a question mark in a virtual host is written %3F.";
                return null;
            }

            rest = rest[..question];
        }

        rest = rest.TrimEnd('/');
        string virtualHost = "/";
        if (rest.IndexOf('/') is >= 0 and int slash)
        {
            virtualHost = Uri.UnescapeDataString(rest[(slash + 1)..]);
            rest = rest[..slash];
        }

        string host = rest;
        string? portText = null;
        if (rest.StartsWith('['))
        {
            int bracket = rest.IndexOf(']');
            if (bracket < 0 || !IPAddress.TryParse(rest.AsSpan(1, bracket - 1), out _) || (bracket + 1 < rest.Length && rest[bracket + 1] != ':'))
            {
                problem = $"The address '{text}' has a malformed IPv6 host. Write tcp://[::1]:7400.";
                return null;
            }

            host = rest[1..bracket];
            portText = bracket + 1 < rest.Length ? rest[(bracket + 2)..] : null;
        }
        else if (rest.IndexOf(':') is >= 0 and int colon)
        {
            host = rest[..colon];
            portText = rest[(colon + 1)..];
        }

        if (host.Length == 0 || host.AsSpan().ContainsAny(" /?#@"))
        {
            problem = $"The address '{text}' has no valid host. Write tcp://host:port, an IPv6 address in brackets.";
            return null;
        }

        int port = DefaultPort;
        if (portText != null && (!int.TryParse(portText, NumberStyles.None, CultureInfo.InvariantCulture, out port) || port > IPEndPoint.MaxPort))
        {
            problem = $"The address '{text}' has no valid port: '{portText}' is not a number from 0 to 65535. An IPv6 address stands in brackets.";
            return null;
        }

        return new TransportAddress(TransportKind.Tcp, host, port) { VirtualHost = virtualHost, Compress = compress };
    }
}
