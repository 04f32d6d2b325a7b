namespace LowLatency.Transport.Wire;

/// <content>Frames about a connection as a whole.</content>
internal static unsafe partial class FrameParser
{
    /// <summary>Parses a <see cref="FrameType.Hello"/>. Its magic is checked; versions and virtual host only for form.</summary>
    internal static bool TryParseHello(ReadOnlySpan<byte> frame, out HelloView view, out FrameError error)
    {
        view = default;
        HelloFrame fields = Fixed<HelloFrame>(frame);
        ReadOnlySpan<byte> rest = frame[sizeof(HelloFrame)..];
        if (!CheckMagic(fields.Magic, FrameType.Hello, out error)
            || !CheckReserved(fields.Reserved == 0, FrameType.Hello, out error)
            || !CheckVersions(fields, out error)
            || !TryTakeString(ref rest, 1, FrameType.Hello, out ReadOnlySpan<byte> clientName, out error)
            || !TryTakeString(ref rest, 2, FrameType.Hello, out ReadOnlySpan<byte> virtualHost, out error)
            || !CheckEnd(rest, FrameType.Hello, out error)
            || !CheckString(clientName, 1, FrameType.Hello, out error)
            || !CheckString(virtualHost, 2, FrameType.Hello, out error))
            return false;

        view = new HelloView { Fields = fields, ClientName = clientName, VirtualHost = virtualHost };
        return true;
    }

    /// <summary>Parses a <see cref="FrameType.Welcome"/>.</summary>
    internal static bool TryParseWelcome(ReadOnlySpan<byte> frame, out WelcomeView view, out FrameError error)
    {
        view = default;
        WelcomeFrame fields = Fixed<WelcomeFrame>(frame);
        ReadOnlySpan<byte> rest = frame[sizeof(WelcomeFrame)..];
        if (!CheckMagic(fields.Magic, FrameType.Welcome, out error)
            || !CheckReserved(fields.Reserved == 0, FrameType.Welcome, out error)
            || !TryTakeString(ref rest, 1, FrameType.Welcome, out ReadOnlySpan<byte> product, out error)
            || !CheckEnd(rest, FrameType.Welcome, out error)
            || !CheckString(product, 1, FrameType.Welcome, out error))
            return false;

        view = new WelcomeView { Fields = fields, Product = product };
        return true;
    }

    /// <summary>Parses an <see cref="FrameType.Error"/> or a <see cref="FrameType.Close"/>.</summary>
    internal static bool TryParseClose(ReadOnlySpan<byte> frame, out TextView<CloseFrame> view, out FrameError error)
    {
        CloseFrame fields = Fixed<CloseFrame>(frame);
        return TryParseText(frame, (fields.Reserved0 | fields.Reserved1) == 0, out view, out error);
    }

    /// <summary>Parses a <see cref="FrameType.Done"/>.</summary>
    internal static bool TryParseDone(scoped ReadOnlySpan<byte> frame, out DoneFrame fields, out FrameError error)
    {
        fields = Fixed<DoneFrame>(frame);
        return CheckReserved(fields.Reserved == 0, FrameType.Done, out error);
    }

    /// <summary>Parses a <see cref="FrameType.Failed"/>.</summary>
    internal static bool TryParseFailed(ReadOnlySpan<byte> frame, out TextView<FailedFrame> view, out FrameError error) =>
        TryParseText(frame, Fixed<FailedFrame>(frame).Reserved == 0, out view, out error);

    private static bool CheckMagic(uint magic, FrameType type, out FrameError error)
    {
        bool isOurs = magic == FrameLayout.Magic;
        error = isOurs ? default : new FrameError(FrameFault.NotThisProtocol, type);
        return isOurs;
    }

    private static bool CheckVersions(in HelloFrame fields, out FrameError error)
    {
        bool isOrdered = fields.MinVersion >= 1 && fields.MinVersion <= fields.Version;
        error = isOrdered ? default : new FrameError(FrameFault.VersionOrder, FrameType.Hello, fields.Version, fields.MinVersion);
        return isOrdered;
    }
}
